/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "acquirer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "office.h"

enum { BLOCK = 16, PAN_BLOCKS = 2 * BLOCK };

/* The acquirer's module, and an issuer's office that knows a PIN for a moment. */
device_t acquirer;
uint32_t acquirer_kbpk;
static device_t office;
static uint32_t bdk, pvk, session_pin, session_mac, session_data, order_key;

static const uint8_t IDENTITY[8] = {0x12, 0x34, 0x56, 0x78, 0x00, 0x00, 0x00, 0x07};
/* What a DUKPT counter must be above. */
static uint32_t last_counter;
static uint32_t asked_counter;

/* The one card of this acquirer, and its sales. */
static const char PAN[] = "4111111111111111";
static uint8_t pvv[PAYHSM_PVV_LEN];
static const uint8_t BALANCE[AMOUNT_LEN] = {0x00, 0x00, 0x00, 0x12, 0x34, 0x56};
static uint32_t sales[64];
static size_t sale_count;

void office_must(payhsm_status_t status, const char *what)
{
    if (status != PAYHSM_OK) {
        fprintf(stderr, "acquirer: %s: %s\n", what, payhsm_status_text(status));
        exit(EXIT_FAILURE);
    }
}

/* The counters of the one terminal only go up; the new one is remembered when its message has verified. */
static payhsm_status_t decide(void *user, const payhsm_question_t *question)
{
    (void)user;
    if (question->kind != PAYHSM_ASK_DUKPT_COUNTER) {
        return PAYHSM_OK;
    }
    asked_counter = question->counter;
    return question->counter > last_counter ? PAYHSM_OK : PAYHSM_ERR_COUNTER_REPLAYED;
}

uint32_t office_enter(device_t *device, const char *usage, char algorithm, char mode, const uint8_t *key)
{
    payhsm_key_info_t info;
    uint32_t handle;

    office_must(device_enter(device, usage, algorithm, mode, 'N', key, 16, &handle, &info), usage);
    return handle;
}

/* The PVV of the card, whose PIN is 1234. */
static void personalise(void)
{
    static const uint8_t zone[16] = {0x2A, 0x4C, 0x6E, 0x80, 0xA2, 0xC4, 0xE6, 0x08,
                                     0x3B, 0x5D, 0x7F, 0x91, 0xB3, 0xD5, 0xF7, 0x19};
    payhsm_pin_t pin = {4, {1, 2, 3, 4}};
    uint8_t block[PAYHSM_PIN_BLOCK_MAX_LEN];
    size_t len;
    uint32_t there, here;

    office_must(device_start(&office, 0), "office");
    there = office_enter(&office, "P0", 'T', 'E', zone);
    here = office_enter(&acquirer, "P0", 'T', 'D', zone);
    office_must(payhsm_pin_encipher(office.ctx, there, PAYHSM_PIN_FORMAT_0, (const uint8_t *)PAN, sizeof PAN - 1, &pin, block,
                             sizeof block, &len), "PIN of the card");
    office_must(payhsm_pvv_generate(acquirer.ctx, here, PAYHSM_PIN_FORMAT_0, (const uint8_t *)PAN, sizeof PAN - 1, block, len, pvk, 1,
                             pvv), "PVV of the card");
    office_must(payhsm_key_erase(acquirer.ctx, here), "erase");
    office_must(payhsm_close(office.ctx), "office");
}

void acquirer_start(void)
{
    /* The sum of the custodians' components. */
    static const uint8_t protection[16] = {0xBF, 0xDF, 0xA3, 0xD1, 0x8E, 0xDC, 0xF1, 0x9E,
                                           0xD7, 0xE6, 0x5F, 0x3E, 0x98, 0x69, 0xB5, 0x95};
    static const uint8_t base[16] = {0xFE, 0xDC, 0xBA, 0x98, 0x76, 0x54, 0x32, 0x10,
                                     0xF1, 0xF1, 0xF1, 0xF1, 0xF1, 0xF1, 0xF1, 0xF1};
    static const uint8_t verification[16] = {0x6D, 0x70, 0xA1, 0xC4, 0xE5, 0x08, 0x1B, 0x3F,
                                             0x5E, 0x72, 0x84, 0x96, 0xB8, 0xDA, 0xFC, 0x1D};
    payhsm_config_t config = device_config(&acquirer, PAYHSM_POLICY_PIN_KEY_BOTH_WAYS);

    config.decide = decide;
    office_must(payhsm_init(device_memory(&acquirer), PAYHSM_CTX_SIZE(DEVICE_SLOTS, DEVICE_GROUPS), &config, &acquirer.ctx), "start");
    acquirer_kbpk = office_enter(&acquirer, "K1", 'A', 'E', protection);
    bdk = office_enter(&acquirer, "B0", 'A', 'X', base);
    pvk = office_enter(&acquirer, "V2", 'T', 'C', verification);
    personalise();
    office_reader_start();
}

void acquirer_stop(void)
{
    office_must(payhsm_close(acquirer.ctx), "stop");
}

void office_hand_out(uint32_t *key, const char *usage, char mode, char theirs, uint8_t tag, message_t *answer)
{
    payhsm_key_attributes_t attributes = {{0, 0}, 'A', 0, {'0', '0'}, 'E', 0};
    payhsm_export_t asked;
    payhsm_key_info_t info;
    uint8_t block[PAYHSM_KEY_BLOCK_MAX_LEN];
    size_t len;

    if (*key != 0) {
        office_must(payhsm_key_erase(acquirer.ctx, *key), "erase");
    }
    memcpy(attributes.usage, usage, sizeof attributes.usage);
    attributes.mode = (uint8_t)mode;
    office_must(payhsm_key_generate(acquirer.ctx, &attributes, 16, key, &info), "generate");
    memset(&asked, 0, sizeof asked);
    asked.size = sizeof asked;
    asked.mode = (uint8_t)theirs;
    asked.exportability = 'N';
    office_must(payhsm_key_export_as(acquirer.ctx, acquirer_kbpk, *key, &asked, NULL, 0, block, sizeof block, &len), "export");
    message_add(answer, tag, block, len);
}

static int seal(uint32_t key, message_t *answer)
{
    uint8_t mac[MAC_LEN];
    size_t len;

    office_must(payhsm_mac_generate(acquirer.ctx, key, PAYHSM_MAC_CMAC, answer->bytes, answer->len, MAC_LEN, mac, sizeof mac, &len),
         "MAC of the answer");
    message_add(answer, TAG_MAC, mac, len);
    return answer->len == 0;
}

int office_seal(message_t *answer)
{
    return session_mac == 0 ? answer->len == 0 : seal(session_mac, answer);
}

static int genuine(uint32_t key, const message_t *request)
{
    const size_t len = message_authenticated(request);

    return len != 0 && payhsm_mac_verify(acquirer.ctx, key, PAYHSM_MAC_CMAC, request->bytes, len, request->bytes + len + 2,
                                         MAC_LEN) == PAYHSM_OK;
}

/* The PAN of a request in `pan`, and how many digits it has. */
static size_t pan_of(uint32_t key, const message_t *request, uint8_t pan[PAN_BLOCKS])
{
    const uint8_t *iv = message_find_exactly(request, TAG_IV, BLOCK);
    const uint8_t *enciphered = message_find_exactly(request, TAG_PAN, PAN_BLOCKS);
    size_t len, digits = 0;

    if (iv == NULL || enciphered == NULL ||
        payhsm_data_decipher(acquirer.ctx, key, iv, BLOCK, enciphered, PAN_BLOCKS, pan, PAN_BLOCKS, &len) != PAYHSM_OK) {
        return 0;
    }
    while (digits < len && pan[digits] != 0) {
        digits++;
    }
    return digits;
}

/* What the issuer says of the card and the PIN of a request. */
static uint8_t judge(uint32_t data_key, uint32_t pin_key, const message_t *request)
{
    uint8_t pan[PAN_BLOCKS];
    const size_t digits = pan_of(data_key, request, pan);
    const uint8_t *block = message_find_exactly(request, TAG_PIN, BLOCK);
    payhsm_status_t status;

    if (digits != sizeof PAN - 1 || memcmp(pan, PAN, digits) != 0 || block == NULL) {
        return RESULT_UNKNOWN;
    }
    status = payhsm_pin_verify_pvv(acquirer.ctx, pin_key, PAYHSM_PIN_FORMAT_4, pan, digits, block, BLOCK, pvk, 1, pvv);
    if (status == PAYHSM_ERR_VERIFICATION_FAILED) {
        return RESULT_WRONG_PIN;
    }
    office_must(status, "PIN");
    return RESULT_APPROVED;
}

/* A sale or a void: under the keys of its KSN. */
static int transaction(const message_t *request, message_t *answer, uint8_t type, uint32_t sequence)
{
    const uint8_t *ksn = message_find_exactly(request, TAG_KSN, PAYHSM_DUKPT_AES_KSN_LEN);
    const uint8_t *original = message_find_exactly(request, TAG_ORIGINAL, SEQUENCE_LEN);
    uint32_t keys;
    uint8_t result = RESULT_UNKNOWN;
    size_t i;
    int bad = 1;

    if (ksn == NULL || payhsm_dukpt_derive(acquirer.ctx, bdk, ksn, PAYHSM_DUKPT_AES_KSN_LEN, &keys) != PAYHSM_OK) {
        return 1;
    }
    if (genuine(keys, request)) {
        last_counter = asked_counter;
        if (type == TYPE_SALE) {
            result = judge(keys, keys, request);
            if (result == RESULT_APPROVED && sale_count < sizeof sales / sizeof *sales) {
                sales[sale_count++] = sequence;
            }
        }
        for (i = 0; type == TYPE_VOID && original != NULL && i < sale_count; i++) {
            if (sales[i] == get_number(original)) {
                sales[i] = 0;
                result = RESULT_APPROVED;
            }
        }
        message_add(answer, TAG_RESULT, &result, 1);
        bad = seal(keys, answer);
    }
    office_must(payhsm_transaction_end(acquirer.ctx, keys), "end");
    return bad;
}

static int balance(const message_t *request, message_t *answer)
{
    uint8_t clear[BLOCK] = {0}, iv[BLOCK], out[BLOCK];
    const uint8_t result = judge(session_data, session_pin, request);
    size_t len;

    message_add(answer, TAG_RESULT, &result, 1);
    if (result == RESULT_APPROVED) {
        memcpy(clear, BALANCE, sizeof BALANCE);
        office_must(payhsm_random(acquirer.ctx, iv, sizeof iv), "random");
        office_must(payhsm_data_encipher(acquirer.ctx, session_data, iv, sizeof iv, clear, sizeof clear, out, sizeof out, &len),
             "balance");
        message_add(answer, TAG_IV, iv, sizeof iv);
        message_add(answer, TAG_BALANCE, out, len);
    }
    return seal(session_mac, answer);
}

static uint8_t nibble(uint8_t c)
{
    return (uint8_t)(c >= 'A' ? c - 'A' + 10 : c - '0');
}

/* Whether the hexadecimal digits at the end are the CMAC of what stands before them. */
static int order(const message_t *request, message_t *answer)
{
    uint8_t mac[MAC_LEN], result = RESULT_UNKNOWN;
    size_t len, i;
    const uint8_t *text = message_find(request, TAG_TEXT, &len);

    if (text == NULL || len < 2 * MAC_LEN) {
        return 1;
    }
    len -= 2 * MAC_LEN;
    for (i = 0; i < MAC_LEN; i++) {
        mac[i] = (uint8_t)(nibble(text[len + 2 * i]) << 4 | nibble(text[len + 2 * i + 1]));
    }
    if (payhsm_mac_verify(acquirer.ctx, order_key, PAYHSM_MAC_CMAC, text, len, mac, MAC_LEN) == PAYHSM_OK) {
        result = RESULT_APPROVED;
    }
    message_add(answer, TAG_RESULT, &result, 1);
    return seal(session_mac, answer);
}

int acquirer_answer(const message_t *request, message_t *response)
{
    const uint8_t *type = message_find_exactly(request, TAG_TYPE, 1);
    const uint8_t *number = message_find_exactly(request, TAG_SEQUENCE, SEQUENCE_LEN);
    uint8_t block[PAYHSM_KEY_BLOCK_MAX_LEN], kcv[PAYHSM_KCV_MAX_LEN];
    size_t len;

    if (type == NULL || number == NULL) {
        return 1;
    }
    message_begin(response, *type, get_number(number));
    switch (*type) {
    case TYPE_INITIAL_KEY:
        office_must(payhsm_dukpt_export_initial_key(acquirer.ctx, bdk, IDENTITY, sizeof IDENTITY, acquirer_kbpk, block, sizeof block, &len, kcv),
             "initial key");
        message_add(response, TAG_KEY, block, len);
        return 0;
    case TYPE_SIGN_ON:
        office_hand_out(&session_pin, "P0", 'B', 'E', TAG_KEY, response);
        office_hand_out(&session_mac, "M6", 'C', 'C', TAG_KEY_MAC, response);
        office_hand_out(&session_data, "D0", 'B', 'B', TAG_KEY_DATA, response);
        office_hand_out(&order_key, "M6", 'C', 'G', TAG_KEY_ORDER, response);
        return 0;
    case TYPE_SALE:
    case TYPE_VOID:
        return transaction(request, response, *type, get_number(number));
    case TYPE_BALANCE:
        return genuine(session_mac, request) ? balance(request, response) : 1;
    case TYPE_ORDER:
        return genuine(session_mac, request) ? order(request, response) : 1;
    case TYPE_USER_KEY:
        return office_user_key(request, response);
    case TYPE_TOKEN:
        return office_token(request, response);
    case TYPE_LOG_KEY:
        return office_log_key(request, response);
    case TYPE_LOG_NONCE:
        return office_log_nonce(response);
    case TYPE_LOG_STATUS:
        return office_log_status(request, response);
    case TYPE_LOG:
        return office_log(request, response);
    default:
        return 1;
    }
}
