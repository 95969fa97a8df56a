/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the terminal is for. */
#include "terminal.h"

#include <string.h>

enum { BLOCK = 16, PAN_BLOCKS = 2 * BLOCK };

/* Adds the MAC of what the message holds, under the keys of a transaction or a session key. */
static payhsm_status_t seal(terminal_t *terminal, uint32_t key, message_t *message)
{
    uint8_t mac[MAC_LEN];
    size_t len;
    payhsm_status_t status = payhsm_mac_generate(terminal->hsm, key, PAYHSM_MAC_CMAC, message->bytes, message->len, MAC_LEN,
                                                 mac, sizeof mac, &len);

    message_add(message, TAG_MAC, mac, len);
    return status;
}

payhsm_status_t terminal_believe(terminal_t *terminal, uint32_t key, const message_t *answer)
{
    payhsm_status_t status;
    const uint8_t *sequence;
    const size_t len = message_authenticated(answer);

    if (len == 0) {
        return PAYHSM_ERR_RECORD;
    }
    status = payhsm_mac_verify(terminal->hsm, key, PAYHSM_MAC_CMAC, answer->bytes, len, answer->bytes + answer->len - MAC_LEN,
                               MAC_LEN);
    if (status != PAYHSM_OK) {
        return status;
    }
    sequence = message_find_exactly(answer, TAG_SEQUENCE, SEQUENCE_LEN);
    return sequence != NULL && get_number(sequence) == terminal->sequence ? PAYHSM_OK : PAYHSM_ERR_RECORD;
}

/* Sends a sealed request. Nothing of the answer is read before it is believed. */
static payhsm_status_t ask(terminal_t *terminal, uint32_t key, const message_t *request, message_t *answer)
{
    if (request->len == 0 || link_exchange(request, answer) != 0) {
        return PAYHSM_ERR_RECORD;
    }
    return terminal_believe(terminal, key, answer);
}

payhsm_status_t terminal_result(const message_t *answer, uint8_t *result)
{
    const uint8_t *field = message_find_exactly(answer, TAG_RESULT, 1);

    if (field == NULL) {
        return PAYHSM_ERR_RECORD;
    }
    *result = *field;
    return PAYHSM_OK;
}

/* Adds the PAN, enciphered under a data key, with a fresh initial value. */
static payhsm_status_t add_pan(terminal_t *terminal, uint32_t key, const char *pan, message_t *message)
{
    uint8_t iv[BLOCK], clear[PAN_BLOCKS], out[PAN_BLOCKS];
    size_t len = 0;
    payhsm_status_t status = payhsm_random(terminal->hsm, iv, sizeof iv);

    memset(clear, 0, sizeof clear);
    memcpy(clear, pan, strlen(pan) < sizeof clear ? strlen(pan) : sizeof clear);
    if (status == PAYHSM_OK) {
        status = payhsm_data_encipher(terminal->hsm, key, iv, sizeof iv, clear, sizeof clear, out, sizeof out, &len);
    }
    memset(clear, 0, sizeof clear);
    message_add(message, TAG_IV, iv, sizeof iv);
    message_add(message, TAG_PAN, out, len);
    return status;
}

static payhsm_status_t add_pin(terminal_t *terminal, uint32_t key, const char *pan, payhsm_pin_t *pin, message_t *message)
{
    uint8_t block[PAYHSM_PIN_BLOCK_MAX_LEN];
    size_t len;
    payhsm_status_t status = payhsm_pin_encipher(terminal->hsm, key, PAYHSM_PIN_FORMAT_4, (const uint8_t *)pan, strlen(pan),
                                                 pin, block, sizeof block, &len);

    message_add(message, TAG_PIN, block, len);
    return status;
}

/* Begins a message under the next transaction's keys. */
static payhsm_status_t begin(terminal_t *terminal, uint8_t type, const uint8_t amount[AMOUNT_LEN], uint32_t *transaction,
                             message_t *message)
{
    uint8_t ksn[PAYHSM_KSN_MAX_LEN];
    size_t len;
    payhsm_status_t status = payhsm_dukpt_begin(terminal->hsm, terminal->group, transaction, ksn, sizeof ksn, &len);

    message_begin(message, type, ++terminal->sequence);
    message_add(message, TAG_KSN, ksn, len);
    message_add(message, TAG_AMOUNT, amount, AMOUNT_LEN);
    return status;
}

payhsm_status_t terminal_sale(terminal_t *terminal, const char *pan, const uint8_t amount[AMOUNT_LEN], payhsm_pin_t *pin,
                              uint8_t *result)
{
    message_t request, answer;
    uint32_t transaction = 0;
    payhsm_status_t status = begin(terminal, TYPE_SALE, amount, &transaction, &request), ended;

    *result = 0;
    if (status == PAYHSM_OK) {
        status = add_pin(terminal, transaction, pan, pin, &request);
    }
    /* Without a transaction no call has wiped it. */
    memset(pin, 0, sizeof *pin);
    if (status == PAYHSM_OK) {
        status = add_pan(terminal, transaction, pan, &request);
    }
    if (status == PAYHSM_OK) {
        status = seal(terminal, transaction, &request);
    }
    if (status == PAYHSM_OK) {
        status = ask(terminal, transaction, &request, &answer);
    }
    if (status == PAYHSM_OK) {
        status = terminal_result(&answer, result);
    }
    if (transaction != 0) {
        ended = payhsm_transaction_end(terminal->hsm, transaction);
        status = status == PAYHSM_OK ? ended : status;
    }
    return status;
}

payhsm_status_t terminal_void(terminal_t *terminal, uint32_t original, const uint8_t amount[AMOUNT_LEN], uint8_t *result)
{
    message_t request, answer;
    uint8_t number[SEQUENCE_LEN];
    uint32_t transaction = 0;
    payhsm_status_t status = begin(terminal, TYPE_VOID, amount, &transaction, &request), ended;

    *result = 0;
    put_number(number, original);
    message_add(&request, TAG_ORIGINAL, number, sizeof number);
    if (status == PAYHSM_OK) {
        status = seal(terminal, transaction, &request);
    }
    if (status == PAYHSM_OK) {
        status = ask(terminal, transaction, &request, &answer);
    }
    if (status == PAYHSM_OK) {
        status = terminal_result(&answer, result);
    }
    if (transaction != 0) {
        ended = payhsm_transaction_end(terminal->hsm, transaction);
        status = status == PAYHSM_OK ? ended : status;
    }
    return status;
}

payhsm_status_t terminal_balance(terminal_t *terminal, const char *pan, payhsm_pin_t *pin, uint8_t balance[BALANCE_LEN],
                                 uint8_t *result)
{
    message_t request, answer;
    const uint8_t *iv, *enciphered;
    uint8_t clear[BLOCK];
    size_t len;
    payhsm_status_t status;

    *result = 0;
    memset(balance, 0, BALANCE_LEN);
    message_begin(&request, TYPE_BALANCE, ++terminal->sequence);
    status = add_pin(terminal, terminal->session_pin, pan, pin, &request);
    if (status == PAYHSM_OK) {
        status = add_pan(terminal, terminal->session_data, pan, &request);
    }
    if (status == PAYHSM_OK) {
        status = seal(terminal, terminal->session_mac, &request);
    }
    if (status == PAYHSM_OK) {
        status = ask(terminal, terminal->session_mac, &request, &answer);
    }
    if (status == PAYHSM_OK) {
        status = terminal_result(&answer, result);
    }
    if (status != PAYHSM_OK || *result != RESULT_APPROVED) {
        return status;
    }
    iv = message_find_exactly(&answer, TAG_IV, BLOCK);
    enciphered = message_find_exactly(&answer, TAG_BALANCE, BLOCK);
    if (iv == NULL || enciphered == NULL) {
        return PAYHSM_ERR_RECORD;
    }
    status = payhsm_data_decipher(terminal->hsm, terminal->session_data, iv, BLOCK, enciphered, BLOCK, clear, sizeof clear, &len);
    if (status == PAYHSM_OK) {
        memcpy(balance, clear, BALANCE_LEN);
    }
    return status;
}

payhsm_status_t terminal_order(terminal_t *terminal, const char *order, char code[ORDER_MAX_LEN], size_t *code_len)
{
    static const char digits[] = "0123456789ABCDEF";
    const size_t order_len = strlen(order);
    uint8_t mac[MAC_LEN];
    size_t len, i;
    payhsm_status_t status;

    *code_len = 0;
    if (order_len > ORDER_MAX_LEN - 2 * MAC_LEN) {
        return PAYHSM_ERR_INVALID_LENGTH;
    }
    status = payhsm_mac_generate(terminal->hsm, terminal->order_key, PAYHSM_MAC_CMAC, (const uint8_t *)order, order_len, MAC_LEN,
                                 mac, sizeof mac, &len);
    if (status != PAYHSM_OK) {
        return status;
    }
    memcpy(code, order, order_len);
    for (i = 0; i < len; i++) {
        code[order_len + 2 * i] = digits[mac[i] >> 4];
        code[order_len + 2 * i + 1] = digits[mac[i] & 15];
    }
    *code_len = order_len + 2 * len;
    return PAYHSM_OK;
}

payhsm_status_t terminal_check_order(terminal_t *terminal, const char *code, size_t code_len, uint8_t *result)
{
    message_t request, answer;
    payhsm_status_t status;

    *result = 0;
    message_begin(&request, TYPE_ORDER, ++terminal->sequence);
    message_add(&request, TAG_TEXT, (const uint8_t *)code, code_len);
    status = seal(terminal, terminal->session_mac, &request);
    if (status == PAYHSM_OK) {
        status = ask(terminal, terminal->session_mac, &request, &answer);
    }
    return status == PAYHSM_OK ? terminal_result(&answer, result) : status;
}
