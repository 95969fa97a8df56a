/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the files of the terminal share. */
#ifndef INTERNAL_H
#define INTERNAL_H

#include "card.h"
#include "message.h"
#include "terminal.h"

enum { SCHEME_TDEA = 0, SCHEME_AES = 1, SCHEMES = 2 };

/* What follows from the algorithm of the initial key. */
typedef struct scheme {
    uint32_t mac_method;
    uint32_t pin_format;
    size_t block_len;
} scheme_t;

extern const scheme_t terminal_schemes[SCHEMES];

#define TERMINAL_SLOTS 4
#define TERMINAL_GROUPS 2

/* A transaction that the host may have booked and the terminal does not know the end of. */
typedef struct reversal {
    uint32_t stan; /* 0: none is due */
    uint32_t scheme;
} reversal_t;

struct terminal {
    /* C99 has no alignas: room to round the address up. */
    uint8_t memory[PAYHSM_CTX_SIZE(TERMINAL_SLOTS, TERMINAL_GROUPS) + PAYHSM_CTX_ALIGN];
    payhsm_ctx_t *hsm;
    terminal_platform_t platform;
    uint32_t authentication;
    uint32_t protection;
    uint32_t groups[SCHEMES];
    /* A product keeps this in its own non-volatile memory. */
    reversal_t reversal;
    /* Of the transaction that runs; here and not on the stack, which is small on a device. */
    card_t card;
    message_t request;
    message_t answer;
};

/* Overwrites memory that held what must not stay, in a way that the compiler keeps. */
void terminal_wipe(void *memory, size_t len);

/* For the end of things: if that fails the module is tampered or closed, and the keys are gone all the same. */
static inline void terminal_ignore(payhsm_status_t status) { (void)status; }

/* Sends the request and takes the answer; neither is judged here. */
terminal_result_t terminal_exchange(terminal_t *terminal);

#endif
