/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the operations of the image share: two modules, the secrets, and the marks that the emulator looks for. */
#ifndef PROOF_H
#define PROOF_H

#include <stddef.h>
#include <stdint.h>

#include "payhsm.h"

/* Filled from outside before the image starts, with another content for each run; everything secret comes from here. */
struct secrets {
    /* The first eight with the parity of DES keys. */
    uint8_t keys[16][32];
    struct {
        payhsm_pin_t pin;
        uint8_t unused[3];
    } pins[2];
    uint8_t entropy[4096 - 16 * 32 - 2 * 16];
};
#define SECRETS ((const struct secrets *)0x20040000u)

/* Flags of an operation, as the emulator has them. */
/* It must refuse: a fault campaign may not bring it to succeed. */
#define HOSTILE 1u
/* It leaves secrets in the context, which is what it is for. */
#define KEEPS 2u
/* A control: it must be caught. */
#define LEAKS 4u
/* Its trace depends on secrets, for the reason given. */
#define REVEALS 16u
/* Nothing that depends on secrets is left in the context of the host. */
#define CLEARS 32u
/* Its success gives bytes; without them it is none. */
#define GIVES 64u
/* As HOSTILE, but only in the long form of the campaign or by name. */
#define ALSO 128u
/* It is allowed: changed bits may make it fail, and may not make it give something else (scripts/flips). */
#define FLIPS 256u
/* The campaign breaks a known answer of AES in the flash first; then it must refuse. */
#define BROKEN 512u

struct operation {
    const char *name;
    /* Everything before the one call that is looked at. */
    void (*prepare)(void);
    payhsm_status_t (*run)(void);
    payhsm_status_t expected;
    uint32_t flags;
    const char *reason;
};

/* The emulator stops at these two. */
void proof_begin(const struct operation *operation);
void proof_end(payhsm_status_t status);

struct device {
    payhsm_ctx_t *ctx;
    /* What the next callbacks answer. */
    payhsm_status_t entropy_answer, save_answer, decide_answer;
    /* The source of random bytes sticks. */
    uint32_t stuck;
};
/* A host and a terminal. */
extern struct device host, terminal;

/* Memory whose content may depend on secrets: contexts, stored records, what calls are given and what they give. */
#define DECLARED __attribute__((section(".declared")))
#define CONTEXT __attribute__((section(".contexts")))

enum { BLOCK = 400, OUT = 2300 };
/* What the call that is looked at writes. */
struct output {
    uint8_t bytes[OUT];
    uint8_t more[64];
    uint32_t handle, other;
    size_t len;
    payhsm_key_info_t info;
    payhsm_initial_key_info_t initial;
    payhsm_working_keys_t keys;
};
extern struct output out;
/* What it is given. */
struct input {
    uint8_t block[BLOCK];
    size_t len;
    uint8_t bytes[BLOCK];
    size_t bytes_len;
    payhsm_pin_t pin;
};
extern struct input in;
/* Handles, the same in every run. */
extern uint32_t key, second, third, kbpk, group, sale, message;

/* Both modules anew, over empty storage. */
void restart(uint32_t policy);
/* One of them again, over what it has stored. */
void reopen(struct device *device, uint32_t policy);
void tests_at_first_use(uint32_t mode);
/* The next start has none. */
void keep_no_storage_key(int without);
/* A key of two components. */
uint32_t enter(struct device *device, const char *usage, char algorithm, char mode, char exportability, unsigned index,
               size_t len);
/* Its first half: ceremony and first component. */
void enter_first(struct device *device, const char *usage, char algorithm, char mode, char exportability, unsigned index,
                 size_t len);
void component(unsigned index, unsigned which, size_t len, uint8_t *to);
/* Another value of the same length, different in every byte, digit (ASCII) or character (hexadecimal). */
void other_bytes(uint8_t *bytes, size_t len);
void other_digits(uint8_t *digits, size_t len);
void other_characters(uint8_t *characters, size_t len);
/* What has left the module, in storage, in a block, is no secret any more (ct/traces/undefined.h). */
#ifndef PUBLIC
#define PUBLIC(bytes, len) ((void)0)
#endif
/* Ends the image unless this is success. */
void must(payhsm_status_t status);

#define RUN(name, prepare, run, expected, flags) {name, prepare, run, expected, flags, NULL}
/* For a reason. */
#define FOR(reason, name, prepare, run, expected, flags) {name, prepare, run, expected, flags, reason}
#define WRONG PAYHSM_ERR_VERIFICATION_FAILED
#define LAST_BYTE "keeps the source's last byte, to compare it with the next"
#define LENGTH(array) (sizeof(array) / sizeof *(array))
extern const struct operation TERMINAL[], HOST[], MODULE[], REFUSALS[], CONTROLS[];
extern const size_t TERMINAL_COUNT, HOST_COUNT, MODULE_COUNT, REFUSALS_COUNT, CONTROLS_COUNT;

#endif
