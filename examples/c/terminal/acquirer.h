/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The other end of the line, on the host only: a payment HSM's side of every message. */
#ifndef ACQUIRER_H
#define ACQUIRER_H

#include "message.h"

/* Enters its keys. */
void acquirer_start(void);
/* Answers; 0 if there is an answer. */
int acquirer_answer(const message_t *request, message_t *response);
void acquirer_stop(void);

#endif
