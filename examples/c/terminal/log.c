/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The log goes to its reader, who verifies it away from the terminal. */
#include "terminal.h"

#include <string.h>

/* A field of a message has at most 255 bytes. */
enum { AT_ONCE = 3, NONCE_LEN = 16 };

payhsm_status_t terminal_log_key(terminal_t *terminal, uint32_t kbpk)
{
    uint8_t block[PAYHSM_KEY_BLOCK_MAX_LEN], result;
    message_t request, answer;
    size_t len;
    payhsm_status_t status = payhsm_audit_key_export(terminal->hsm, kbpk, block, sizeof block, &len);

    if (status != PAYHSM_OK) {
        return status;
    }
    message_begin(&request, TYPE_LOG_KEY, ++terminal->sequence);
    message_add(&request, TAG_KEY, block, len);
    if (link_exchange(&request, &answer) != 0) {
        return PAYHSM_ERR_RECORD;
    }
    status = terminal_result(&answer, &result);
    return status == PAYHSM_OK && result != RESULT_APPROVED ? PAYHSM_ERR_RECORD : status;
}

uint32_t terminal_log_room(terminal_t *terminal)
{
    payhsm_audit_status_t now;

    if (payhsm_audit_status(terminal->hsm, &now) != PAYHSM_OK) {
        return 0;
    }
    return now.capacity - (uint32_t)(now.last.sequence - now.released);
}

/* Sends records from a number on; the last answer is that of the last part. */
static payhsm_status_t send(terminal_t *terminal, uint64_t from, message_t *answer)
{
    uint8_t records[AT_ONCE * PAYHSM_AUDIT_RECORD_LEN];
    message_t request;
    uint64_t next = from;
    payhsm_status_t status;
    size_t len;

    memset(answer, 0, sizeof *answer);
    for (;;) {
        status = payhsm_audit_read(terminal->hsm, next, records, sizeof records, &len, &next);
        if (status != PAYHSM_OK || len == 0) {
            return status;
        }
        message_begin(&request, TYPE_LOG, ++terminal->sequence);
        message_add(&request, TAG_RECORDS, records, len);
        if (link_exchange(&request, answer) != 0) {
            return PAYHSM_ERR_RECORD;
        }
    }
}

payhsm_status_t terminal_log(terminal_t *terminal, uint8_t *result)
{
    uint8_t status_message[PAYHSM_STATUS_MESSAGE_LEN];
    const uint8_t *nonce;
    message_t request, answer;
    payhsm_audit_status_t now;
    payhsm_status_t status;
    size_t len;

    *result = 0;
    message_begin(&request, TYPE_LOG_NONCE, ++terminal->sequence);
    if (link_exchange(&request, &answer) != 0) {
        return PAYHSM_ERR_RECORD;
    }
    nonce = message_find_exactly(&answer, TAG_NONCE, NONCE_LEN);
    status = nonce == NULL ? PAYHSM_ERR_RECORD : payhsm_audit_status(terminal->hsm, &now);
    if (status == PAYHSM_OK) {
        status = payhsm_status_message(terminal->hsm, nonce, status_message, sizeof status_message, &len);
    }
    if (status != PAYHSM_OK) {
        return status;
    }
    message_begin(&request, TYPE_LOG_STATUS, ++terminal->sequence);
    message_add(&request, TAG_STATUS, status_message, len);
    if (link_exchange(&request, &answer) != 0) {
        return PAYHSM_ERR_RECORD;
    }
    status = send(terminal, now.released + 1, &answer);
    /* Nothing is released on the word of somebody on the line. */
    if (status == PAYHSM_OK) {
        status = terminal_believe(terminal, terminal->session_mac, &answer);
    }
    if (status == PAYHSM_OK) {
        status = terminal_result(&answer, result);
    }
    if (status == PAYHSM_OK && *result == RESULT_APPROVED) {
        status = payhsm_audit_release(terminal->hsm, &now.last);
    }
    return status;
}

payhsm_status_t terminal_last_log(terminal_t *terminal, uint8_t *result)
{
    payhsm_audit_status_t now;
    message_t answer;
    payhsm_status_t status = payhsm_audit_status(terminal->hsm, &now);

    *result = 0;
    if (status == PAYHSM_OK) {
        status = send(terminal, now.released + 1, &answer);
    }
    return status == PAYHSM_OK ? terminal_result(&answer, result) : status;
}
