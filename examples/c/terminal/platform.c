/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "platform.h"

#include <string.h>

#include "flash.h"

/* Static memory, aligned without C11: the context begins at the first address that is. */
static uint8_t memory[PAYHSM_CTX_SIZE(PLATFORM_SLOTS, PLATFORM_GROUPS) + PAYHSM_CTX_ALIGN];

static uint8_t audit_log[PLATFORM_LOG * PAYHSM_AUDIT_RECORD_LEN];

static int people = 1, code_is_good = 1;
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

/* --- power --------------------------------------------------------------------------------------------------------- */

void platform_new(void)
{
    flash_new();
    platform_power_returns();
}

void platform_power_returns(void)
{
    flash_power_returns();
    memset(memory, 0xA5, sizeof memory);
    memset(audit_log, 0xA5, sizeof audit_log);
}

void platform_code_is_good(int good)
{
    code_is_good = good;
}

/* A device compares the digest of its program with the one that it was delivered with. */
static payhsm_status_t integrity(void *user)
{
    (void)user;
    return code_is_good ? PAYHSM_OK : 1;
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

/* A terminal is asked what somebody must stand by: a ceremony, the first users, the log, the end of the device. */
static payhsm_status_t decide(void *user, const payhsm_question_t *question)
{
    (void)user;
    switch (question->kind) {
    case PAYHSM_ASK_CEREMONY:
    case PAYHSM_ASK_ENROL:
    case PAYHSM_ASK_AUDIT_KEY:
    case PAYHSM_ASK_REINITIALISE:
        return people ? PAYHSM_OK : PAYHSM_ERR_REFUSED;
    case PAYHSM_ASK_AUDIT_RELEASE:
        return PAYHSM_OK;
    default:
        return PAYHSM_ERR_REFUSED;
    }
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
    const payhsm_flash_t flash = flash_describe();
    payhsm_config_t config;
    payhsm_status_t status;
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
    config.flash = &flash;
    config.monotonic_read = counter_read;
    config.monotonic_advance = counter_advance;
    config.decide = decide;
    config.tick = tick;
    config.integrity = integrity;
    status = payhsm_init(aligned, PAYHSM_CTX_SIZE(PLATFORM_SLOTS, PLATFORM_GROUPS), &config, hsm);
    /* A full log lets nothing happen that it could not tell of. */
    return status == PAYHSM_OK ? payhsm_audit_open(*hsm, audit_log, sizeof audit_log, PAYHSM_AUDIT_STOP) : status;
}
