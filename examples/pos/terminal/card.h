/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The terminal's side of the conversation with a card (EMV Book 3), as far as this terminal needs it. */
#ifndef CARD_H
#define CARD_H

#include "message.h"
#include "terminal.h"

#define CARD_TRACK2_MAX 19u
#define CARD_PAN_MAX 19u
#define CARD_DOL_MAX 64u
#define CARD_ANSWER_MAX 258u

/* What the terminal says about the transaction: the objects that a card may ask for. */
typedef struct card_objects {
    uint8_t amount[6];
    uint8_t amount_other[6];
    uint8_t country[2];
    uint8_t tvr[5];
    uint8_t currency[2];
    uint8_t date[3];
    uint8_t type;
    uint8_t unpredictable[4];
    uint8_t response_code[2];
} card_objects_t;

/* What the card said. */
typedef struct card {
    card_objects_t objects;
    uint8_t aip[2];
    uint8_t track2[CARD_TRACK2_MAX];
    size_t track2_len;
    uint8_t pan[CARD_PAN_MAX]; /* ASCII digits */
    size_t pan_len;
    uint8_t psn;
    int has_psn;
    uint8_t cdol1[CARD_DOL_MAX];
    size_t cdol1_len;
    uint8_t cdol2[CARD_DOL_MAX];
    size_t cdol2_len;
    payhsm_ac_response_t ac;
    uint8_t answer[CARD_ANSWER_MAX]; /* of the last command */
} card_t;

/* All of them: 1 if it went as it should, 0 if not. */

/* SELECT, GET PROCESSING OPTIONS, READ RECORD. */
int card_read_contact(card_t *card, const terminal_platform_t *platform);
/* SELECT and GET PROCESSING OPTIONS: the card answers with everything, its cryptogram included, and may leave. */
int card_tap(card_t *card, const terminal_platform_t *platform);
/* GENERATE AC over the card's first or second list of objects. */
int card_generate_ac(card_t *card, const terminal_platform_t *platform, uint32_t kind, int second);
/* EXTERNAL AUTHENTICATE with the issuer authentication data. */
int card_authenticate_issuer(card_t *card, const terminal_platform_t *platform, span_t data);
/* Whether the card takes EXTERNAL AUTHENTICATE. */
int card_wants_issuer(const card_t *card);
/* The elements of field 55, one behind the other. */
void card_field55(const card_t *card, message_t *out);

#endif
