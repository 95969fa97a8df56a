/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A payment terminal over payhsm: keys, sale, refund, balance, QR payment, reversal.
 *
 * Everything that is of one device comes through the callbacks of terminal_platform_t; the rest is portable C99
 * without heap, without stdio and without statics but the one terminal. The demo links it into a host program, the
 * firmware image into bare metal.
 *
 * Order: power_on -> (first time: enter_key, load_keys) -> transact ... -> power_off.
 */
#ifndef TERMINAL_H
#define TERMINAL_H

#include <payhsm.h>
#include <stddef.h>
#include <stdint.h>

#define TERMINAL_CUSTODIANS 2u
#define TERMINAL_ID_LEN 8u
#define TERMINAL_QR_MAX 64u

typedef struct terminal terminal_t;

/* What the device gives. Functions return 0 if they could. None may call the terminal. */
typedef struct terminal_platform {
    size_t size; /* sizeof(terminal_platform_t) */
    void *user;
    const uint8_t *device_key;  /* PAYHSM_STORAGE_KEY_LEN bytes, unique to the device */
    const uint8_t *terminal_id; /* TERMINAL_ID_LEN characters; also the name in the key agreement */
    const uint8_t *host_id;     /* the host's name in the key agreement */
    size_t host_id_len;

    int32_t (*entropy)(void *user, uint8_t *out, size_t len);
    int32_t (*storage_load)(void *user, uint32_t id, uint8_t *out, size_t capacity, size_t *len);
    int32_t (*storage_save)(void *user, uint32_t id, const uint8_t *data, size_t len);
    int32_t (*storage_erase)(void *user, uint32_t id);

    /* The module's questions; a terminal has one: may a component ceremony open? (Are both custodians logged in?) */
    int32_t (*decide)(void *user, const payhsm_question_t *question);

    /* The display: one line. */
    void (*show)(void *user, const char *line);
    /* The PIN pad: length and digits, never more. Anything but 0: the cardholder cancelled. */
    int32_t (*read_pin)(void *user, payhsm_pin_t *pin);
    /* A custodian, 1 to TERMINAL_CUSTODIANS, enters a component and its check value. */
    int32_t (*read_component)(void *user, uint32_t custodian, uint8_t *component, size_t component_len, uint8_t *kcv,
                              size_t kcv_len);
    /* The card reader: a command out, the answer in, with status words. */
    int32_t (*card)(void *user, const uint8_t *command, size_t command_len, uint8_t *answer, size_t capacity,
                    size_t *answer_len);
    /* The line to the host. */
    int32_t (*host)(void *user, const uint8_t *request, size_t request_len, uint8_t *answer, size_t capacity,
                    size_t *answer_len);
    /* The date, YYMMDD in BCD. */
    void (*today)(void *user, uint8_t date[3]);
    /* The next system trace audit number, 1 to 999999; the device keeps it over restarts. */
    uint32_t (*next_stan)(void *user);
} terminal_platform_t;

typedef int32_t terminal_result_t;
enum {
    TERMINAL_APPROVED = 0,      /* by an authentic answer, and by the card */
    TERMINAL_DECLINED = 1,      /* by an authentic answer */
    TERMINAL_CARD_DECLINED = 2, /* the card refused, before or after the host */
    TERMINAL_CARD_ERROR = 3,    /* the card answered what it should not */
    TERMINAL_NO_PIN = 4,        /* cancelled at the PIN pad */
    TERMINAL_NO_ANSWER = 5,     /* nothing came from the host */
    TERMINAL_BAD_ANSWER = 6,    /* what came is not authentic, or not the answer to this request */
    TERMINAL_MODULE = 7,        /* payhsm refused: see status */
    TERMINAL_MISUSE = 8         /* a wrong order */
};

enum { TERMINAL_SALE = 1, TERMINAL_BALANCE = 2, TERMINAL_REFUND = 3, TERMINAL_QR_SALE = 4 };
enum { TERMINAL_CONTACT = 1, TERMINAL_CONTACTLESS = 2, TERMINAL_NO_CARD = 3 };

/* What to do. */
typedef struct terminal_order {
    uint32_t kind;
    uint32_t interface;
    uint64_t amount; /* in the minor unit, at most 12 digits */
    const uint8_t *qr; /* the text of the QR code, for TERMINAL_QR_SALE */
    size_t qr_len;
} terminal_order_t;

/* What was done. Nothing in it is a secret. */
typedef struct terminal_receipt {
    terminal_result_t result;
    payhsm_status_t status; /* of the library, where it ended the transaction */
    uint32_t stan;
    uint32_t reversed; /* 1: a reversal was delivered; 2: one is still due */
    uint32_t atc;
    uint32_t has_balance;
    uint64_t balance;
    uint8_t ksn[PAYHSM_KSN_MAX_LEN];
    uint8_t ksn_len;
    uint8_t arqc[8];
    uint8_t tc[8]; /* the card's last word, where it gave one */
    char code[3];  /* the host's response code */
    char pan[20];  /* masked */
} terminal_receipt_t;

enum { TERMINAL_KEY_AUTHENTICATION = 1, TERMINAL_KEY_PROTECTION = 2 };

/* What is public about the keys that came from the host. */
typedef struct terminal_keys {
    payhsm_key_info_t protection;
    payhsm_initial_key_info_t initial[2]; /* TDEA, AES */
} terminal_keys_t;

/* The one terminal of this device. */
terminal_t *terminal_instance(void);

/* Starts the module, and takes up the DUKPT groups that the storage holds. `platform` is copied, what it points to is
 * used until power_off. */
payhsm_status_t terminal_power_on(terminal_t *terminal, const terminal_platform_t *platform);
void terminal_power_off(terminal_t *terminal);

/* Two custodians enter a key: the one that authenticates the agreement, or a key-block protection key. */
payhsm_status_t terminal_enter_key(terminal_t *terminal, uint32_t purpose, payhsm_key_info_t *info);

/* Agrees a key-block protection key with the host and loads both initial keys (agreement.c). */
payhsm_status_t terminal_load_keys(terminal_t *terminal, terminal_keys_t *keys);
/* Loads one initial key from its key block. */
payhsm_status_t terminal_load_initial_key(terminal_t *terminal, const uint8_t *block, size_t block_len,
                                          payhsm_initial_key_info_t *info);

/* A whole transaction. The receipt is always written. */
terminal_result_t terminal_transact(terminal_t *terminal, const terminal_order_t *order, terminal_receipt_t *receipt);

/* The KSN that the next transaction of a scheme ('T' or 'A') will have. */
payhsm_status_t terminal_next_ksn(terminal_t *terminal, char algorithm, payhsm_initial_key_info_t *info);

/* What an application might try and must not get: the status that the library gave (probes.c). */
payhsm_status_t terminal_probe_mac_key_for_pin(terminal_t *terminal);
payhsm_status_t terminal_probe_second_pin(terminal_t *terminal);
payhsm_status_t terminal_probe_own_mac_as_answer(terminal_t *terminal);

#endif
