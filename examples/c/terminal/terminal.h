/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A complete payment terminal in C: users and their log-ins, keys of two custodians, an initial DUKPT key and session keys
 * in key blocks, sales with PIN, voids, a balance inquiry, signed orders for QR codes, the read-out of the log. `day.c`
 * plays a day with it.
 */
#ifndef TERMINAL_H
#define TERMINAL_H

#include <payhsm.h>

#include "message.h"
#include "platform.h"

/* The users, and how many they are. */
enum {
    OFFICER = 1,
    OTHER_OFFICER,
    CUSTODIAN,
    OTHER_CUSTODIAN,
    OPERATOR,
    AUDITOR,
    REMOTE_HOST,
    USERS = REMOTE_HOST
};
enum { BALANCE_LEN = AMOUNT_LEN, ORDER_MAX_LEN = 96 };

typedef struct {
    payhsm_ctx_t *hsm;
    uint32_t kbpk;                                        /* protects key blocks of this terminal */
    uint32_t group;                                       /* DUKPT */
    uint32_t session_pin, session_mac, session_data;      /* master and session */
    uint32_t order_key;                                   /* signs orders, and nothing else */
    uint32_t logged_in[USERS + 1];                        /* sessions, by user */
    uint32_t sequence;                                    /* of the last message; the application keeps it */
} terminal_t;

/* The line to the acquirer: 0 if an answer came. */
int link_exchange(const message_t *request, message_t *response);

/* Everything returns what the library says, or PAYHSM_ERR_RECORD for an answer that is none. */

/* Starts. Whoever logs in first has `terminal_take_up` find the keys that outlived it. */
payhsm_status_t terminal_start(terminal_t *terminal);
payhsm_status_t terminal_take_up(terminal_t *terminal);

/* Two custodians enter their components of a key that protects key blocks, each alone: for those that come, and for the one
 * in which the key of the log leaves. */
payhsm_status_t terminal_ceremony(terminal_t *terminal, uint8_t kcv[PAYHSM_KCV_MAX_LEN]);
payhsm_status_t terminal_log_ceremony(terminal_t *terminal, uint32_t *key);

/* Enrols everybody; from then on roles are enforced. The officers are logged in. */
payhsm_status_t terminal_enrol(terminal_t *terminal);
/* Somebody logs in with a token, or goes. */
payhsm_status_t terminal_log_in(terminal_t *terminal, uint32_t user);
payhsm_status_t terminal_log_out(terminal_t *terminal, uint32_t user);

/* Fetches the initial DUKPT key. */
payhsm_status_t terminal_initial_key(terminal_t *terminal);
/* Fetches the session keys of the day; yesterday's are erased when the new ones are there. */
payhsm_status_t terminal_sign_on(terminal_t *terminal);

/* DUKPT: a sale with PIN, the PAN enciphered. `pin` is wiped. `result`: RESULT_... if PAYHSM_OK comes back. */
payhsm_status_t terminal_sale(terminal_t *terminal, const char *pan, const uint8_t amount[AMOUNT_LEN], payhsm_pin_t *pin,
                              uint8_t *result);
/* DUKPT, without PIN: takes the sale of that sequence number back. */
payhsm_status_t terminal_void(terminal_t *terminal, uint32_t original, const uint8_t amount[AMOUNT_LEN], uint8_t *result);
/* Session keys: the balance comes enciphered, and its MAC is verified before it is deciphered. */
payhsm_status_t terminal_balance(terminal_t *terminal, const char *pan, payhsm_pin_t *pin, uint8_t balance[BALANCE_LEN],
                                 uint8_t *result);
/* The text of a QR code: the order, and its CMAC in hexadecimal. */
payhsm_status_t terminal_order(terminal_t *terminal, const char *order, char code[ORDER_MAX_LEN], size_t *code_len);
/* Asks the acquirer whether a code that somebody shows is one of a terminal. */
payhsm_status_t terminal_check_order(terminal_t *terminal, const char *code, size_t code_len, uint8_t *result);

/* The key of the log goes to its reader, wrapped under `kbpk`. */
payhsm_status_t terminal_log_key(terminal_t *terminal, uint32_t kbpk);
/* The log goes to its reader; what he has verified up to the end may be overwritten. `result`: RESULT_... of the last part. */
payhsm_status_t terminal_log(terminal_t *terminal, uint8_t *result);
/* The same of a terminal that is tampered with: it has no keys, and nothing is overwritten any more. */
payhsm_status_t terminal_last_log(terminal_t *terminal, uint8_t *result);
/* How many records there is room for. */
uint32_t terminal_log_room(terminal_t *terminal);

/* An answer is believed if its MAC is right and it answers the last request. */
payhsm_status_t terminal_believe(terminal_t *terminal, uint32_t key, const message_t *answer);
/* RESULT_... of an answer. */
payhsm_status_t terminal_result(const message_t *answer, uint8_t *result);

/* Plays the day; 0 if everything was as it should be. */
int day_play(void);

#endif
