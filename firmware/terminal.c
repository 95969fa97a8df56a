/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The device: memory of the context, storage in RAM, a source of bytes that is not random, and the checks. */
#include "terminal.h"

#include <string.h>

#include "board.h"

#define SLOTS 4
#define GROUPS 2
#define RECORDS 6
#define RECORD_LEN 1280

payhsm_ctx_t *terminal;

static _Alignas(PAYHSM_CTX_ALIGN) uint8_t context[PAYHSM_CTX_SIZE(SLOTS, GROUPS)];

static struct {
    uint32_t id;
    size_t len;
    uint8_t data[RECORD_LEN];
} records[RECORDS];

static struct bytes next_random;
static uint32_t generator = 1;

/* --- callbacks ----------------------------------------------------------------------------------------------------- */

static payhsm_status_t entropy(void *user, uint8_t *out, size_t len) {
    (void)user;
    for (size_t i = 0; i < len; i++) {
        if (next_random.len > 0) {
            out[i] = *next_random.at++;
            next_random.len--;
        } else {
            /* A device has a random number generator here. This sequence only keeps the tests alike. */
            generator = generator * 1664525u + 1013904223u;
            out[i] = (uint8_t)(generator >> 24);
        }
    }
    return PAYHSM_OK;
}

static payhsm_status_t storage_load(void *user, uint32_t id, uint8_t *out, size_t capacity, size_t *len) {
    (void)user;
    *len = 0;
    for (size_t i = 0; i < RECORDS; i++) {
        if (records[i].len > 0 && records[i].id == id) {
            if (records[i].len > capacity) {
                return -1;
            }
            memcpy(out, records[i].data, records[i].len);
            *len = records[i].len;
        }
    }
    return PAYHSM_OK;
}

static payhsm_status_t storage_erase(void *user, uint32_t id) {
    (void)user;
    for (size_t i = 0; i < RECORDS; i++) {
        if (records[i].len > 0 && records[i].id == id) {
            memset(&records[i], 0, sizeof records[i]);
        }
    }
    return PAYHSM_OK;
}

static payhsm_status_t storage_save(void *user, uint32_t id, const uint8_t *data, size_t len) {
    if (len == 0 || len > RECORD_LEN) {
        return -1;
    }
    storage_erase(user, id);
    for (size_t i = 0; i < RECORDS; i++) {
        if (records[i].len == 0) {
            records[i].id = id;
            records[i].len = len;
            memcpy(records[i].data, data, len);
            return PAYHSM_OK;
        }
    }
    return -1;
}

/* The custodians are here: this image is nobody's terminal. Nothing else is asked of one. */
static payhsm_status_t decide(void *user, const payhsm_question_t *question) {
    (void)user;
    return question->kind == PAYHSM_ASK_CEREMONY ? PAYHSM_OK : -1;
}

/* --- terminal ------------------------------------------------------------------------------------------------------ */

void terminal_random(struct bytes next) { next_random = next; }

void terminal_restart(void) {
    static const uint8_t storage_key[PAYHSM_STORAGE_KEY_LEN] = {
        0x53, 0x0C, 0xE1, 0x7A, 0x28, 0x94, 0xB6, 0x3D, 0x6F, 0xD8, 0x05, 0xA1, 0x4E, 0xC7, 0x92, 0x3B,
        0x81, 0x1E, 0xF4, 0x69, 0xD0, 0x57, 0xAC, 0x22, 0x9B, 0x36, 0x78, 0xED, 0x40, 0xBF, 0x15, 0xCA};
    payhsm_config_t config;

    if (terminal != NULL) {
        expect_status("close", CALL(payhsm_close, terminal), PAYHSM_OK);
    }
    memset(records, 0, sizeof records);
    memset(&config, 0, sizeof config);
    config.size = sizeof config;
    config.abi_version = PAYHSM_ABI_VERSION;
    config.slots = SLOTS;
    config.groups = GROUPS;
    config.storage_key = storage_key;
    config.entropy = entropy;
    config.storage_load = storage_load;
    config.storage_save = storage_save;
    config.storage_erase = storage_erase;
    config.decide = decide;
    expect_status("init", CALL(payhsm_init, context, sizeof context, &config, &terminal), PAYHSM_OK);
}

uint32_t terminal_enter_kbpk(struct bytes first, struct bytes second, uint8_t algorithm, struct bytes kcv) {
    payhsm_key_attributes_t attributes = {{'K', '1'}, algorithm, 'D', {'0', '0'}, 'N', 0};
    payhsm_key_info_t info;
    uint32_t key = 0;
    expect_status("ceremony", CALL(payhsm_component_begin, terminal, &attributes, first.len, 2, kcv.at, kcv.len),
                  PAYHSM_OK);
    expect_status("component 1", CALL(payhsm_component_add, terminal, 1, first.at, first.len, NULL, 0), PAYHSM_OK);
    expect_status("component 2", CALL(payhsm_component_add, terminal, 2, second.at, second.len, NULL, 0), PAYHSM_OK);
    expect_status("end of ceremony", CALL(payhsm_component_finish, terminal, &key, &info), PAYHSM_OK);
    return key;
}

/* --- checks -------------------------------------------------------------------------------------------------------- */

static _Noreturn void fail(const char *what, const char *why) {
    board_write("FAILED: ");
    board_write(what);
    board_write(": ");
    board_write(why);
    board_write("\n");
    board_exit(1);
}

void expect_status(const char *what, payhsm_status_t got, payhsm_status_t want) {
    if (got != want) {
        fail(what, got == PAYHSM_OK ? "was not refused" : payhsm_status_text(got));
    }
}

void expect_bytes(const char *what, const uint8_t *got, size_t got_len, struct bytes want) {
    if (got_len != want.len || memcmp(got, want.at, want.len) != 0) {
        fail(what, "other bytes than expected");
    }
}

/* --- stack --------------------------------------------------------------------------------------------------------- */

static struct {
    const char *function;
    size_t deepest;
} calls[40];

void call_begins(void) { stack_paint(); }

payhsm_status_t call_ended(const char *function, payhsm_status_t status) {
    const size_t used = stack_used();
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        if (calls[i].function == NULL || strcmp(calls[i].function, function) == 0) {
            calls[i].function = function;
            if (used > calls[i].deepest) {
                calls[i].deepest = used;
            }
            break;
        }
    }
    return status;
}

/* Lines that scripts/size reads: kind, name and bytes between tabulators. */
void report_stack(void) {
    for (size_t i = 0; i < sizeof calls / sizeof calls[0] && calls[i].function != NULL; i++) {
        board_write("stack\t");
        board_write(calls[i].function);
        board_write("\t");
        board_write_unsigned((uint32_t)calls[i].deepest);
        board_write("\n");
    }
    board_write("ram\tcontext with 4 slots and 2 DUKPT groups (`PAYHSM_CTX_SIZE(4, 2)`)\t");
    board_write_unsigned(sizeof context);
    board_write("\nram\tstorage in RAM, of this image only\t");
    board_write_unsigned(sizeof records);
    board_write("\ndeepest\timage\t");
    board_write_unsigned((uint32_t)stack_deepest());
    board_write("\n");
}
