/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What must be caught: secrets in an address, in a branch, in the bound of a loop and in a division; secrets left behind;
 * a comparison that one left-out instruction turns round. */
#include <string.h>

#include "proof.h"

static const uint8_t TABLE[256] = {7, 1, 3};
static volatile uint32_t sink;

static void nothing(void) { memset(&out, 0, sizeof out); }

static payhsm_status_t look_up(void) {
    uint8_t x = 0;
    for (size_t i = 0; i < 16; i++) {
        x ^= TABLE[SECRETS->keys[0][i]];
    }
    out.bytes[0] = x;
    return PAYHSM_OK;
}

static payhsm_status_t early_exit(void) {
    for (size_t k = 0; k < 16; k++) {
        size_t i = 0;
        while (i < 16 && SECRETS->keys[k][i] < 0xC0) {
            sink = i++;
        }
    }
    out.bytes[0] = 1;
    sink = 0;
    return PAYHSM_OK;
}

static payhsm_status_t loop_bound(void) {
    for (uint32_t i = 0; i < SECRETS->pins[0].pin.len; i++) {
        out.bytes[i] = 1;
    }
    return PAYHSM_OK;
}

static payhsm_status_t division(void) {
    out.bytes[0] = (uint8_t)(SECRETS->keys[0][3] * 1000u / (SECRETS->keys[0][4] | 1u));
    return PAYHSM_OK;
}

__attribute__((noipa)) static void use(const volatile uint8_t *bytes) { (void)bytes[0]; }
static payhsm_status_t left_on_the_stack(void) {
    volatile uint8_t copy[32];
    for (size_t i = 0; i < 32; i++) {
        copy[i] = SECRETS->keys[1][i];
    }
    use(copy);
    return PAYHSM_OK;
}

static uint32_t kept;
static payhsm_status_t left_in_a_variable(void) {
    memcpy(&kept, SECRETS->keys[1], 4);
    use((const volatile uint8_t *)&kept);
    return PAYHSM_OK;
}

/* Wrong, and refused; but by one branch. */
static payhsm_status_t plain_comparison(void) {
    static const uint8_t guess[8] = {1, 2, 3};
    uint8_t difference = 0;
    for (size_t i = 0; i < 8; i++) {
        difference |= (uint8_t)(SECRETS->keys[0][i] ^ guess[i]);
    }
    return difference == 0 ? PAYHSM_OK : PAYHSM_ERR_VERIFICATION_FAILED;
}

const struct operation CONTROLS[] = {
    {"control: table look-up", nothing, look_up, PAYHSM_OK, LEAKS, "trace"},
    {"control: early exit", nothing, early_exit, PAYHSM_OK, LEAKS, "trace"},
    {"control: loop bound", nothing, loop_bound, PAYHSM_OK, LEAKS, "trace"},
    {"control: division", nothing, division, PAYHSM_OK, LEAKS, "trace"},
    {"control: secrets on the stack", nothing, left_on_the_stack, PAYHSM_OK, LEAKS, "residue"},
    {"control: secrets in a variable", nothing, left_in_a_variable, PAYHSM_OK, LEAKS, "residue"},
    {"control: plain comparison", nothing, plain_comparison, PAYHSM_ERR_VERIFICATION_FAILED, LEAKS | HOSTILE, "faults"},
};
const size_t CONTROLS_COUNT = LENGTH(CONTROLS);
