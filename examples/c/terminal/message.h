/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Messages between terminal and acquirer: fields of tag, length and value, the MAC last. A protocol of this example; a
 * product speaks ISO 8583 or what its acquirer has.
 */
#ifndef TERMINAL_MESSAGE_H
#define TERMINAL_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

enum {
    TAG_TYPE = 1,   /* one of the types below */
    TAG_SEQUENCE,   /* 4 bytes, big-endian; the answer repeats it */
    TAG_AMOUNT,     /* 6 bytes BCD */
    TAG_KSN,
    TAG_IV,
    TAG_PAN,        /* enciphered: ASCII digits and zeros up to a block */
    TAG_PIN,        /* PIN block */
    TAG_ORIGINAL,   /* the sequence number of the sale that is voided */
    TAG_TEXT,       /* an order */
    TAG_RESULT,     /* 1 byte: RESULT_... */
    TAG_BALANCE,    /* enciphered: 6 bytes BCD and zeros up to a block */
    TAG_KEY,        /* a key block: the initial key, or the session key for PINs */
    TAG_KEY_MAC,
    TAG_KEY_DATA,
    TAG_KEY_ORDER,
    TAG_USER,       /* 1 byte */
    TAG_NONCE,      /* of a log-in, or of the reader of the log */
    TAG_RESPONSE,   /* to the nonce of a log-in */
    TAG_STATUS,     /* status message of the module */
    TAG_RECORDS,    /* records of its log */
    TAG_MAC
};
enum {
    TYPE_INITIAL_KEY = 'I', /* the initial DUKPT key, for a new terminal */
    TYPE_SIGN_ON = 'L',     /* the session keys of the day */
    TYPE_SALE = 'S',
    TYPE_VOID = 'V',
    TYPE_BALANCE = 'B',
    TYPE_ORDER = 'Q',       /* is this order of a terminal genuine? */
    TYPE_USER_KEY = 'U',    /* the key of a user, for a new terminal */
    TYPE_TOKEN = 'T',       /* what the token in the user's hand answers; on no line but that of this example */
    TYPE_LOG_KEY = 'K',     /* the key of the log, for its reader */
    TYPE_LOG_NONCE = 'N',   /* begins a reading of the log */
    TYPE_LOG_STATUS = 'P',  /* where it ends */
    TYPE_LOG = 'R'          /* records of it */
};
enum {
    RESULT_APPROVED = 1,
    RESULT_WRONG_PIN,
    RESULT_UNKNOWN,
    RESULT_MORE,    /* of the log: right so far, and not the end */
    RESULT_TAMPER   /* of the log: right, and it tells of a tamper event */
};
enum { MAC_LEN = 8, SEQUENCE_LEN = 4, AMOUNT_LEN = 6 };

typedef struct {
    uint8_t bytes[640];
    size_t len;
} message_t;

void message_begin(message_t *message, uint8_t type, uint32_t sequence);
/* A value of at most 255 bytes. What does not fit makes the message empty, and it stays so. */
void message_add(message_t *message, uint8_t tag, const uint8_t *value, size_t len);
/* The value of the field, or NULL if it is not there once, or the message is none. */
const uint8_t *message_find(const message_t *message, uint8_t tag, size_t *len);
/* The same if it has this length. */
const uint8_t *message_find_exactly(const message_t *message, uint8_t tag, size_t len);
/* How many bytes stand before the MAC, which is the last field; 0 if it is not. */
size_t message_authenticated(const message_t *message);

void put_number(uint8_t out[SEQUENCE_LEN], uint32_t number);
uint32_t get_number(const uint8_t in[SEQUENCE_LEN]);

#endif
