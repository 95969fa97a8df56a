/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the acquirer's programs share: its module, and what they do with it. On the host only. */
#ifndef OFFICE_H
#define OFFICE_H

#include "../device.h"
#include "message.h"

extern device_t acquirer;
/* The key that protects the terminal's key blocks. */
extern uint32_t acquirer_kbpk;

/* Ends the program if it did not work. */
void office_must(payhsm_status_t status, const char *what);
/* A key that two custodians of the acquirer enter. */
uint32_t office_enter(device_t *device, const char *usage, char algorithm, char mode, const uint8_t *key);
/* A new key of ours, and the block in which the terminal gets it, for what the terminal does with it. */
void office_hand_out(uint32_t *key, const char *usage, char mode, char theirs, uint8_t tag, message_t *answer);
/* Adds the MAC, if there is a key of the day for it already. */
int office_seal(message_t *answer);

/* The key of a user's token; what the token answers. */
int office_user_key(const message_t *request, message_t *answer);
int office_token(const message_t *request, message_t *answer);

/* The reader of the log. */
void office_reader_start(void);
int office_log_key(const message_t *request, message_t *answer);
int office_log_nonce(message_t *answer);
int office_log_status(const message_t *request, message_t *answer);
int office_log(const message_t *request, message_t *answer);

#endif
