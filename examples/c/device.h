/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the device gives to the library: random bytes, storage, decisions. A stand-in for a host program. */
#ifndef EXAMPLE_DEVICE_H
#define EXAMPLE_DEVICE_H

#include <payhsm.h>

enum { DEVICE_RECORDS = 64, DEVICE_RECORD_LEN = 1280, DEVICE_SLOTS = 40, DEVICE_GROUPS = 2 };

typedef struct device {
    /* Storage: lost with the process. A product writes to flash or to a file, and returns when it is written. */
    struct {
        uint32_t id;
        size_t len; /* 0: free */
        uint8_t bytes[DEVICE_RECORD_LEN];
    } records[DEVICE_RECORDS];
    /* What the next callbacks do. */
    payhsm_status_t entropy_answer, save_answer, decide_answer;
    /* Called inside every callback, if there is one. */
    void (*visit)(struct device *device);
    /* The clock, in milliseconds. */
    uint64_t now;
    /* The last question. */
    uint32_t asked;
    payhsm_ctx_t *ctx;
    /* The audit log, for programs that open it. */
    uint8_t log[16 * PAYHSM_AUDIT_RECORD_LEN];
    /* The context lives here. `uint64_t` and a slack of one alignment: C99 has no alignment of its own. */
    uint64_t memory[(PAYHSM_CTX_SIZE(DEVICE_SLOTS, DEVICE_GROUPS) + PAYHSM_CTX_ALIGN) / sizeof(uint64_t)];
} device_t;

/* The aligned memory of the device's context, of PAYHSM_CTX_SIZE(DEVICE_SLOTS, DEVICE_GROUPS) bytes. */
void *device_memory(device_t *device);

/* The configuration of a device with storage and decisions, and `policy`. */
payhsm_config_t device_config(device_t *device, uint32_t policy);

/* Starts the module; also again, with what was stored, after `payhsm_close`. */
payhsm_status_t device_start(device_t *device, uint32_t policy);

/* A key of two components, as two custodians would enter it: `key` is what they make together. */
payhsm_status_t device_enter(device_t *device, const char *usage, char algorithm, char mode, char exportability,
                             const uint8_t *key, size_t len, uint32_t *handle, payhsm_key_info_t *info);

#endif
