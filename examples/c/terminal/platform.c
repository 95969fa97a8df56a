/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "platform.h"

#include <string.h>

enum { RECORDS = 6, RECORD_LEN = 1280 };

/* Static memory, aligned without C11: the context begins at the first address that is. */
static uint8_t memory[PAYHSM_CTX_SIZE(PLATFORM_SLOTS, PLATFORM_GROUPS) + PAYHSM_CTX_ALIGN];

static struct {
    uint32_t id;
    size_t len;
    uint8_t bytes[RECORD_LEN];
} records[RECORDS];

static uint32_t writes_left = UINT32_MAX;
static int dark, people = 1;
static uint64_t now = 1000;

/* --- random numbers ------------------------------------------------------------------------------------------------ */

/*
 * A device has a random number generator here. This sequence is none: it makes every run say the same, so that the run on
 * the controller can be compared with the one on the host.
 */
static payhsm_status_t entropy(void *user, uint8_t *out, size_t len)
{
    static uint32_t state = 0x2545F491u;
    size_t i;

    (void)user;
    for (i = 0; i < len; i++) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        out[i] = (uint8_t)(state >> 11);
    }
    return PAYHSM_OK;
}

/* --- storage ------------------------------------------------------------------------------------------------------- */

void platform_cut_after(uint32_t writes)
{
    writes_left = writes;
}

int platform_is_dark(void)
{
    return dark;
}

void platform_power_returns(void)
{
    dark = 0;
    writes_left = UINT32_MAX;
    memset(memory, 0xA5, sizeof memory);
}

void platform_new_storage(void)
{
    memset(records, 0, sizeof records);
}

/* Whether there is power for one more write. */
static int powered(void)
{
    if (dark || writes_left == 0) {
        dark = 1;
        return 0;
    }
    writes_left--;
    return 1;
}

static payhsm_status_t load(void *user, uint32_t id, uint8_t *out, size_t capacity, size_t *len)
{
    size_t i;

    (void)user;
    *len = 0;
    if (dark) {
        return -1;
    }
    for (i = 0; i < RECORDS; i++) {
        if (records[i].len > 0 && records[i].id == id) {
            if (records[i].len > capacity) {
                return -1;
            }
            memcpy(out, records[i].bytes, records[i].len);
            *len = records[i].len;
        }
    }
    return PAYHSM_OK;
}

static payhsm_status_t erase(void *user, uint32_t id)
{
    size_t i;

    (void)user;
    if (!powered()) {
        return -1;
    }
    for (i = 0; i < RECORDS; i++) {
        if (records[i].len > 0 && records[i].id == id) {
            memset(&records[i], 0, sizeof records[i]);
        }
    }
    return PAYHSM_OK;
}

static payhsm_status_t save(void *user, uint32_t id, const uint8_t *data, size_t len)
{
    size_t i;

    (void)user;
    if (len == 0 || len > RECORD_LEN || !powered()) {
        return -1;
    }
    for (i = 0; i < RECORDS && records[i].len > 0 && records[i].id != id; i++) {
    }
    if (i == RECORDS) {
        return -1;
    }
    records[i].id = id;
    records[i].len = len;
    memcpy(records[i].bytes, data, len);
    return PAYHSM_OK;
}

/* --- people, clock, keypad ----------------------------------------------------------------------------------------- */

void platform_people_present(int present)
{
    people = present;
}

void platform_wait(uint32_t seconds)
{
    now += (uint64_t)seconds * 1000;
}

/* Of a terminal only one thing is asked: whether the custodians of a ceremony are here. */
static payhsm_status_t decide(void *user, const payhsm_question_t *question)
{
    (void)user;
    return question->kind == PAYHSM_ASK_CEREMONY && people ? PAYHSM_OK : PAYHSM_ERR_REFUSED;
}

static payhsm_status_t tick(void *user, uint64_t *milliseconds)
{
    (void)user;
    *milliseconds = now;
    return PAYHSM_OK;
}

payhsm_pin_t platform_keypad(const char *digits)
{
    payhsm_pin_t pin;

    memset(&pin, 0, sizeof pin);
    while (digits[pin.len] != '\0' && pin.len < sizeof pin.digits) {
        pin.digits[pin.len] = (uint8_t)(digits[pin.len] - '0');
        pin.len++;
    }
    return pin;
}

/* --- the module ---------------------------------------------------------------------------------------------------- */

payhsm_status_t platform_start(payhsm_ctx_t **hsm)
{
    /* Where a device keeps it: in fuses or in a secure element, never in its program. */
    static const uint8_t storage_key[PAYHSM_STORAGE_KEY_LEN] = {
        0x7C, 0x11, 0xA9, 0x5E, 0x42, 0xD3, 0x80, 0x6B, 0xF7, 0x2C, 0x95, 0x18, 0xBE, 0x63, 0x0A, 0xD4,
        0x39, 0xE8, 0x51, 0xC6, 0x0F, 0x7A, 0xB2, 0x84, 0xED, 0x26, 0x9F, 0x70, 0x13, 0xC8, 0x5D, 0xA1};
    payhsm_config_t config;
    uint8_t *aligned = memory;

    while ((uintptr_t)aligned % PAYHSM_CTX_ALIGN != 0) {
        aligned++;
    }
    memset(&config, 0, sizeof config);
    config.size = sizeof config;
    config.abi_version = PAYHSM_ABI_VERSION;
    config.slots = PLATFORM_SLOTS;
    config.groups = PLATFORM_GROUPS;
    config.storage_key = storage_key;
    config.entropy = entropy;
    config.storage_load = load;
    config.storage_save = save;
    config.storage_erase = erase;
    config.decide = decide;
    config.tick = tick;
    return payhsm_init(aligned, PAYHSM_CTX_SIZE(PLATFORM_SLOTS, PLATFORM_GROUPS), &config, hsm);
}
