/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The operations of firmware/proof and of more.c as a program for x86-64: in place of the board, with its secrets made here.
 *
 *   image SEED      runs them with the secrets of a seed
 *   image list      name, expected status, flags, reason of each
 *
 * Built with ct/traces/undefined.h it is run under valgrind, by scripts/ct.
 *
 * Everything that is no secret has the same value and the same address in every run: the program is linked to fixed
 * addresses, and runs on a stack of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "more.h"
/* The program of the board, whose `main` is called here. */
#define main proof_main
#include "proof/main.c"
#undef main

/* --- in place of the board ------------------------------------------------------------------------------------------ */

void board_write(const char *text) {
    if (write(1, text, strlen(text)) < 0) {
        _exit(4);
    }
}

void board_write_unsigned(uint32_t value) {
    char text[16];
    snprintf(text, sizeof text, "%lu", (unsigned long)value);
    board_write(text);
}

_Noreturn void board_exit(int status) { _exit(status); }

/* --- the secrets of a seed, as firmware/proof/emulator makes them --------------------------------------------------- */

enum { TDEA = 8, SAME_BUT_FOR_THE_LAST = 2, ONES_AND_FES = 3 };

static void fill(struct secrets *secrets, unsigned seed) {
    static const uint8_t LENGTHS[4][2] = {{4, 6}, {12, 5}, {4, 6}, {9, 4}};
    uint64_t state = UINT64_C(0x243F6A8885A308D3) ^ (uint64_t)(seed == SAME_BUT_FOR_THE_LAST ? 0 : seed) << 17;
    uint8_t *bytes = (uint8_t *)secrets;
    for (size_t i = 0; i < sizeof *secrets; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        bytes[i] = (uint8_t)(state >> 56);
    }
    for (size_t k = 0; k < LENGTH(secrets->keys); k++) {
        uint8_t *value = secrets->keys[k];
        for (size_t i = 0; i < 32; i++) {
            if (seed == ONES_AND_FES) {
                value[i] = (i * 7 + k * 32 * 7 + (k * 32 + i) / 8 + k) % 3 == 0 ? 0x01 : 0xFE;
            }
            if (seed == SAME_BUT_FOR_THE_LAST && i % 8 == 7) {
                value[i] ^= 0x54;
            }
        }
        if (seed == ONES_AND_FES) {
            value[31 - k] ^= 0x80;
            value[15 - k / 2] ^= 0x40;
            value[k] ^= 0x10;
        }
        for (size_t i = 0; k < TDEA && i < 32; i++) {
            value[i] ^= (uint8_t)(__builtin_popcount(value[i]) % 2 == 0);
        }
    }
    for (size_t p = 0; p < 2; p++) {
        payhsm_pin_t *pin = &secrets->pins[p].pin;
        const uint8_t len = LENGTHS[seed % 4][p];
        pin->len = len;
        for (size_t i = 0; i < sizeof pin->digits; i++) {
            const uint8_t digit = (uint8_t)(pin->digits[i] % 10);
            pin->digits[i] = i >= len                      ? 0
                             : seed == ONES_AND_FES        ? (uint8_t)(9 - (i & 1) * 4)
                             : seed == SAME_BUT_FOR_THE_LAST ? (uint8_t)((digit + (i + 1 == len)) % 10)
                                                           : digit;
        }
    }
}

/* --- lists ---------------------------------------------------------------------------------------------------------- */

static void list(const struct operation *operations, size_t count) {
    for (size_t i = 0; i < count; i++) {
        printf("%s\t%ld\t%lu\t%s\n", operations[i].name, (long)-operations[i].expected, (unsigned long)operations[i].flags,
               operations[i].reason == NULL ? "" : operations[i].reason);
    }
}

static ucontext_t back, there;
static int status;
static void on_the_stack(void) {
    status = proof_main();
#ifndef PROOF_CONTROLS
    run(MORE, MORE_COUNT);
#endif
}

int main(int argc, char **argv) {
    static _Alignas(64) uint8_t stack[512 * 1024];
    if (argc == 2 && strcmp(argv[1], "list") == 0) {
#ifdef PROOF_CONTROLS
        list(CONTROLS, CONTROLS_COUNT);
#else
        list(TERMINAL, TERMINAL_COUNT);
        list(HOST, HOST_COUNT);
        list(MODULE, MODULE_COUNT);
        list(REFUSALS, REFUSALS_COUNT);
        list(MORE, MORE_COUNT);
#endif
        return 0;
    }
    if (argc != 2) {
        return 2;
    }
    /* Where the operations expect them. */
    void *at = mmap((void *)(uintptr_t)SECRETS, sizeof(struct secrets), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (at != (const void *)SECRETS) {
        perror("image: no memory where the secrets are to be");
        return 3;
    }
    fill(at, (unsigned)strtoul(argv[1], NULL, 10));
#ifdef TRACES_UNDEFINED_H
    (void)VALGRIND_STACK_REGISTER(stack, stack + sizeof stack);
    (void)VALGRIND_MAKE_MEM_UNDEFINED(at, sizeof(struct secrets));
#endif
    if (getcontext(&there) != 0) {
        return 3;
    }
    there.uc_stack.ss_sp = stack;
    there.uc_stack.ss_size = sizeof stack;
    there.uc_link = &back;
    makecontext(&there, on_the_stack, 0);
    if (swapcontext(&back, &there) != 0) {
        return 3;
    }
#ifdef TRACES_UNDEFINED_H
    printf("%u operations ok, %u failed\n", undefined_ok, undefined_failed);
    return undefined_failed != 0;
#endif
    return status;
}
