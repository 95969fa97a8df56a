/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Messages between terminal and host: BER-TLV.
 *
 *   E1 82 LLLL  element ...  DF0E 08 MAC      request
 *   E2 82 LLLL  element ...  DF0E 08 MAC      answer
 *
 * The length of the template is always written in two bytes, so that it is known before the MAC is. The MAC is the last
 * element and covers every byte before it, template and length included: with the length under the MAC, the zero padding
 * of X9.19 lets nobody add or drop a trailing zero. Messages of the key agreement carry no MAC: its own tags and the key
 * blocks authenticate them.
 *
 * | tag  | element                                 | length   | in |
 * |------|-----------------------------------------|----------|----|
 * | DF01 | message type, n 4                       | 2        | both |
 * | DF02 | processing code, n 6                    | 3        | request |
 * | DF03 | system trace audit number, n 6          | 3        | both |
 * | DF04 | terminal identification                 | 8        | request |
 * | DF06 | KSN                                     | 10, 12   | request |
 * | DF07 | enciphered PIN block                    | 8, 16    | request |
 * | DF08 | enciphered element 57 and zeros         | 24, 32   | request |
 * | DF0A | text of the QR code                     | to 64    | request |
 * | DF0B | STAN of the transaction to be reversed  | 3        | request |
 * | DF0C | balance, n 12                           | 6        | answer |
 * | DF0E | MAC                                     | 8        | both, last |
 * | DF22, DF23, DF24 | M1, M2, M3 of the agreement | 81, 102, 16 | |
 * | DF25, DF26 | key blocks of the initial keys, TDEA and AES | | answer |
 * | DF27, DF28 | their check values                | 5        | answer |
 * | DF55 | field 55: EMV elements                  | to 255   | request |
 * | 9F02, 5F2A, 5F34, 8A, 91 | as in EMV           |          | |
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include <payhsm.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_MAX 640u
#define MESSAGE_MAC_LEN 8u

enum {
    TEMPLATE_REQUEST = 0xE1,
    TEMPLATE_ANSWER = 0xE2,

    TAG_TYPE = 0xDF01,
    TAG_PROCESSING = 0xDF02,
    TAG_STAN = 0xDF03,
    TAG_TERMINAL = 0xDF04,
    TAG_KSN = 0xDF06,
    TAG_PIN_BLOCK = 0xDF07,
    TAG_TRACK2_ENCIPHERED = 0xDF08,
    TAG_QR = 0xDF0A,
    TAG_ORIGINAL_STAN = 0xDF0B,
    TAG_BALANCE = 0xDF0C,
    TAG_MAC = 0xDF0E,
    TAG_M1 = 0xDF22,
    TAG_M2 = 0xDF23,
    TAG_M3 = 0xDF24,
    TAG_BLOCK_TDEA = 0xDF25,
    TAG_BLOCK_AES = 0xDF26,
    TAG_KCV_TDEA = 0xDF27,
    TAG_KCV_AES = 0xDF28,
    TAG_FIELD55 = 0xDF55,

    TAG_TRACK2 = 0x57,
    TAG_PSN = 0x5F34,
    TAG_CURRENCY = 0x5F2A,
    TAG_AIP = 0x82,
    TAG_RESPONSE_CODE = 0x8A,
    TAG_CDOL1 = 0x8C,
    TAG_CDOL2 = 0x8D,
    TAG_ISSUER_AUTHENTICATION = 0x91,
    TAG_AFL = 0x94,
    TAG_TVR = 0x95,
    TAG_DATE = 0x9A,
    TAG_TRANSACTION_TYPE = 0x9C,
    TAG_AMOUNT = 0x9F02,
    TAG_AMOUNT_OTHER = 0x9F03,
    TAG_IAD = 0x9F10,
    TAG_COUNTRY = 0x9F1A,
    TAG_CRYPTOGRAM = 0x9F26,
    TAG_CID = 0x9F27,
    TAG_ATC = 0x9F36,
    TAG_UN = 0x9F37,
    TAG_PDOL = 0x9F38
};

/* Bytes of somebody else. */
typedef struct span {
    const uint8_t *data;
    size_t len;
} span_t;

/* A message in the making, or one that came. */
typedef struct message {
    uint8_t bytes[MESSAGE_MAX];
    size_t len;
    int overflow; /* something did not fit: the message is never sent */
} message_t;

/* Takes the next element. 1: one is there; 0: the end; -1: malformed. Zero bytes between elements are skipped. */
int tlv_next(span_t *rest, uint16_t *tag, span_t *value);
/* Finds the element at the top level. 1: once; 0: absent; -1: twice, or the data is malformed. */
int tlv_find(span_t data, uint16_t tag, span_t *value);
/* As tlv_find, for an element that must be there and have this length: 1 or 0. */
int tlv_exactly(span_t data, uint16_t tag, size_t len, span_t *value);

void message_begin(message_t *message, uint8_t template_tag);
void message_put(message_t *message, uint16_t tag, const uint8_t *value, size_t len);
/* Bytes that are not an element: the content of a field in the making. */
void message_put_raw(message_t *message, const uint8_t *bytes, size_t len);

/* Writes the length of a message without MAC. */
payhsm_status_t message_close(message_t *message);
/* Writes the length and the MAC under the transaction's request key. */
payhsm_status_t message_seal(message_t *message, payhsm_ctx_t *hsm, uint32_t transaction, uint32_t mac_method);

/* The elements of a message without MAC. */
payhsm_status_t message_content(const message_t *message, uint8_t template_tag, span_t *content);
/* The elements of a message whose MAC verifies under the transaction's response key. Nothing is looked at before. */
payhsm_status_t message_open(const message_t *message, payhsm_ctx_t *hsm, uint32_t transaction, uint32_t mac_method,
                             uint8_t template_tag, span_t *content);

/* A number in packed decimal digits, right-justified; 0 if it has more digits. */
int bcd_put(uint64_t number, uint8_t *out, size_t len);
/* The number; 0 if a nibble is no digit or there are more than 9 bytes. */
int bcd_get(span_t value, uint64_t *number);

#endif
