/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Plugin of QEMU's user emulation: hashes the instructions and the addresses of each operation of the image (image.c).
 *
 *   -plugin libtraces.so,begin=ADDRESS,end=ADDRESS,out=FILE[,hold=ADDRESS]...[,dump=N,trace=FILE]
 *
 * Between the calls of the functions at `begin` and at `end` every instruction's address goes into one hash, every access
 * (address, length, direction) into another. What runs inside the functions at `hold` goes into neither. The file gets one
 * line an operation:
 *
 *   number  instructions  accesses  instruction hash  address hash  entries of held functions
 *
 * and after each, begun with a tabulator, the instructions that divide or compute with floating point: address, how
 * often. `dump` writes the whole trace of operation N, and ends the run behind it.
 *
 * All addresses are hexadecimal. The guest's memory is the host's, as in a 64-bit guest without an offset. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- of qemu-plugin.h, version 1: what is used here. Debian ships no header. ---------------------------------------- */

typedef uint64_t qemu_plugin_id_t;
typedef struct qemu_info_t qemu_info_t;
typedef uint32_t qemu_plugin_meminfo_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { NO_REGISTERS = 0, LOADS_AND_STORES = 3 };
typedef void (*of_translation)(qemu_plugin_id_t, struct qemu_plugin_tb *);
typedef void (*of_instruction)(unsigned, void *);
typedef void (*of_access)(unsigned, qemu_plugin_meminfo_t, uint64_t, void *);
typedef void (*of_exit)(qemu_plugin_id_t, void *);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, of_translation);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, of_instruction, int, void *);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *, of_access, int, int, void *);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t, of_exit, void *);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);
unsigned qemu_plugin_mem_size_shift(qemu_plugin_meminfo_t);
bool qemu_plugin_mem_is_store(qemu_plugin_meminfo_t);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;
__attribute__((visibility("default"))) int qemu_plugin_install(qemu_plugin_id_t, const qemu_info_t *, int, char **);

/* --- the trace ----------------------------------------------------------------------------------------------------- */

enum { HELD = 16, SLOW = 256 };
static uint64_t begin_at, end_at, hold_at[HELD], held_count;
static FILE *out, *trace;
static long dumped = -1;

static long number = -1;
static bool inside;
/* Where the held function that runs returns to, and where its return address lies. */
static uint64_t back_to, back_at;
static uint64_t last_store;
static uint64_t instructions, accesses, instruction_hash, access_hash, entries;
static struct {
    uint64_t at, count;
} slow[SLOW];

static void into(uint64_t *hash, uint64_t word) {
    const uint64_t x = (*hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    *hash = x ^ x >> 29;
}

static void on_access(unsigned cpu, qemu_plugin_meminfo_t info, uint64_t address, void *unused) {
    const unsigned kind = qemu_plugin_mem_size_shift(info) << 1 | qemu_plugin_mem_is_store(info);
    (void)cpu;
    (void)unused;
    if (kind & 1) {
        last_store = address;
    }
    if (inside && back_to == 0) {
        accesses++;
        into(&access_hash, address);
        into(&access_hash, kind);
        if (number == dumped) {
            fprintf(trace, "%c %" PRIx64 " %u\n", kind & 1 ? 'W' : 'R', address, 1u << (kind >> 1));
        }
    }
}

static void finish(void) {
    fprintf(out, "%ld\t%" PRIu64 "\t%" PRIu64 "\t%016" PRIX64 "\t%016" PRIX64 "\t%" PRIu64 "\n", number, instructions,
            accesses, instruction_hash, access_hash, entries);
    for (size_t i = 0; i < SLOW && slow[i].at != 0; i++) {
        fprintf(out, "\t%" PRIx64 "\t%" PRIu64 "\n", slow[i].at, slow[i].count);
    }
}

static void on_instruction(unsigned cpu, void *address) {
    const uint64_t pc = (uint64_t)(uintptr_t)address;
    (void)cpu;
    if (pc == begin_at) {
        number++;
        inside = true;
        back_to = instructions = accesses = entries = 0;
        instruction_hash = access_hash = UINT64_C(0xCBF29CE484222325);
        memset(slow, 0, sizeof slow);
        return;
    }
    if (!inside) {
        return;
    }
    if (pc == end_at) {
        inside = false;
        finish();
        if (number == dumped) {
            fclose(out);
            fclose(trace);
            _exit(0);
        }
        return;
    }
    if (back_to != 0) {
        /* Back, and not in a deeper call of the same place. */
        if (pc == back_to && *(const uint64_t *)(uintptr_t)back_at == back_to) {
            back_to = 0;
        } else {
            return;
        }
    }
    instructions++;
    into(&instruction_hash, pc);
    if (number == dumped) {
        fprintf(trace, "I %" PRIx64 "\n", pc);
    }
    for (size_t i = 0; i < held_count; i++) {
        if (pc == hold_at[i]) {
            /* The call has just stored where it returns to. */
            entries++;
            back_at = last_store;
            back_to = *(const uint64_t *)(uintptr_t)back_at;
        }
    }
}

static void on_slow(unsigned cpu, void *address) {
    const uint64_t pc = (uint64_t)(uintptr_t)address;
    (void)cpu;
    if (!inside || back_to != 0) {
        return;
    }
    for (size_t i = 0; i < SLOW; i++) {
        if (slow[i].at == pc || slow[i].at == 0) {
            slow[i].at = pc;
            slow[i].count++;
            return;
        }
    }
    fprintf(stderr, "traces: more than %d instructions that divide\n", SLOW);
    exit(2);
}

/* Division of integers; everything of the x87; additions, multiplications, divisions and roots of SSE and AVX. */
static bool is_slow(const uint8_t *code, size_t len) {
    size_t i = 0;
    while (i < len && strchr("\x66\x67\xF2\xF3\x2E\x36\x3E\x26\x64\x65\xF0", code[i]) != NULL && code[i] != 0) {
        i++;
    }
    if (i < len && code[i] >> 4 == 4) {
        i++;
    }
    if (i + 1 >= len) {
        return false;
    }
    uint8_t opcode;
    if (code[i] == 0xF6 || code[i] == 0xF7) {
        return (code[i + 1] >> 3 & 7) >= 6;
    } else if (code[i] >= 0xD8 && code[i] <= 0xDF) {
        return true;
    } else if (code[i] == 0x0F) {
        opcode = code[i + 1];
    } else if (code[i] == 0xC5 && i + 2 < len) {
        opcode = code[i + 2];
    } else if (code[i] == 0xC4 && i + 3 < len && (code[i + 1] & 0x1F) == 1) {
        opcode = code[i + 3];
    } else {
        return false;
    }
    return opcode == 0x51 || opcode == 0x58 || opcode == 0x59 || opcode == 0x5C || opcode == 0x5E;
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *block) {
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(block); i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);
        void *address = (void *)(uintptr_t)qemu_plugin_insn_vaddr(instruction);
        qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_instruction, NO_REGISTERS, address);
        if (is_slow(qemu_plugin_insn_data(instruction), qemu_plugin_insn_size(instruction))) {
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_slow, NO_REGISTERS, address);
        }
        qemu_plugin_register_vcpu_mem_cb(instruction, on_access, NO_REGISTERS, LOADS_AND_STORES, NULL);
    }
}

static void on_exit_of_all(qemu_plugin_id_t id, void *unused) {
    (void)id;
    (void)unused;
    fclose(out);
    if (trace != NULL) {
        fclose(trace);
    }
}

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv) {
    (void)info;
    for (int i = 0; i < argc; i++) {
        const char *value = strchr(argv[i], '=');
        if (value++ == NULL) {
            return 1;
        }
        if (strncmp(argv[i], "begin=", 6) == 0) {
            begin_at = strtoull(value, NULL, 16);
        } else if (strncmp(argv[i], "end=", 4) == 0) {
            end_at = strtoull(value, NULL, 16);
        } else if (strncmp(argv[i], "hold=", 5) == 0 && held_count < HELD) {
            hold_at[held_count++] = strtoull(value, NULL, 16);
        } else if (strncmp(argv[i], "out=", 4) == 0) {
            out = fopen(value, "w");
        } else if (strncmp(argv[i], "dump=", 5) == 0) {
            dumped = strtol(value, NULL, 10);
        } else if (strncmp(argv[i], "trace=", 6) == 0) {
            trace = fopen(value, "w");
        } else {
            return 1;
        }
    }
    if (begin_at == 0 || end_at == 0 || out == NULL || (dumped >= 0 && trace == NULL)) {
        fprintf(stderr, "traces: begin, end and out are needed\n");
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_atexit_cb(id, on_exit_of_all, NULL);
    return 0;
}
