/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the programs of the image share: the module, its device, and the checks. */
#ifndef TERMINAL_H
#define TERMINAL_H

#include <stddef.h>
#include <stdint.h>

#include "payhsm.h"

struct bytes {
    const uint8_t *at;
    size_t len;
};
#define BYTES(...) {(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})}

enum step_kind {
    STEP_MODULE,    /* a new module over empty storage */
    STEP_KBPK,      /* two components in `in` and `more` become the protection key with check value `out` */
    STEP_IMPORT,    /* key block `in`: attributes `more`, check value `out` */
    STEP_LOAD,      /* key block `in` with an initial key of check value `out` */
    STEP_BEGIN,     /* transactions, at most `parameter`, until the KSN is `in` */
    STEP_PIN,       /* PIN `in`, PAN `more`, format `parameter`, with `random`: block `out` */
    STEP_MAC,       /* message `in`, method `parameter`: MAC `out` */
    STEP_MAC_CHECK, /* message `in`, method `parameter`: MAC `out` is right, and is not with one bit changed */
    STEP_ENCIPHER,  /* data `in`, initial value `more`: `out` */
    STEP_DECIPHER
};

/* `parameter` and the bytes are as the kind says. Without an id a step only makes ready. */
struct step {
    enum step_kind kind;
    const char *id;
    uint32_t parameter;
    struct bytes in, more, out, random;
};

/* A sale: what the terminal gets, and what it must give. */
struct sale {
    const char *name;
    uint32_t pin_format, mac_method;
    struct bytes component1, component2, initial_key;
    struct bytes pan, pin, random, amount, card_answer, track2;
    struct bytes ksn, pin_block, track2_enciphered, request_mac;
    struct bytes response, response_mac;
};

/* The one context of the image. */
extern payhsm_ctx_t *terminal;

/* Starts it anew, over storage that holds nothing. */
void terminal_restart(void);
/* The next bytes of the entropy source; after them it is a generator for tests again. */
void terminal_random(struct bytes next);
/* Enters a protection key of version D (`'A'`) or B (`'T'`) by two custodians. */
uint32_t terminal_enter_kbpk(struct bytes first, struct bytes second, uint8_t algorithm, struct bytes kcv);

/* Ends the image with a message unless both are the same. */
void expect_status(const char *what, payhsm_status_t got, payhsm_status_t want);
void expect_bytes(const char *what, const uint8_t *got, size_t got_len, struct bytes want);

/* Calls a function of the library and notes how deep its stack was. */
#define CALL(function, ...) (call_begins(), call_ended(#function, function(__VA_ARGS__)))
void call_begins(void);
payhsm_status_t call_ended(const char *function, payhsm_status_t status);
void report_stack(void);

int play_vectors(void);
void play_sales(void);
void play_sale(const struct sale *sale);

#endif
