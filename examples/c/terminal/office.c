/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The acquirer's office: it hands out the tokens of a terminal's users, and reads the terminal's log. */
#include "office.h"

#include <string.h>

enum { USERS = 7, NONCE_LEN = 16, EVENT_AT = 16, TAMPER_EVENT = 10 };

static uint32_t token[USERS + 1];

/* Of the log: the key that brings its key, its key; what was read to the end so far, what in this reading, where the log
 * ends, and the nonce of this reading. */
static uint32_t reader_kbpk, log_key;
static payhsm_audit_position_t have_read, read_up_to, ends_at;
static uint8_t nonce[NONCE_LEN];

static uint32_t *token_of(const message_t *request)
{
    const uint8_t *user = message_find_exactly(request, TAG_USER, 1);

    return user != NULL && *user >= 1 && *user <= USERS ? &token[*user] : NULL;
}

int office_user_key(const message_t *request, message_t *answer)
{
    uint32_t *key = token_of(request);

    if (key == NULL) {
        return 1;
    }
    office_hand_out(key, "M6", 'C', 'V', TAG_KEY, answer);
    return answer->len == 0;
}

int office_token(const message_t *request, message_t *answer)
{
    uint32_t *key = token_of(request);
    const uint8_t *challenge = message_find_exactly(request, TAG_NONCE, PAYHSM_CHALLENGE_LEN);
    uint8_t response[PAYHSM_RESPONSE_LEN];
    size_t len;

    if (key == NULL || *key == 0 || challenge == NULL) {
        return 1;
    }
    office_must(payhsm_mac_generate(acquirer.ctx, *key, PAYHSM_MAC_CMAC, challenge, PAYHSM_CHALLENGE_LEN, sizeof response,
                                    response, sizeof response, &len), "token");
    message_add(answer, TAG_RESPONSE, response, len);
    return answer->len == 0;
}

void office_reader_start(void)
{
    /* The sum of the custodians' components. */
    static const uint8_t protection[16] = {0xCC, 0xDC, 0xC7, 0xFF, 0xCC, 0xAF, 0x9F, 0x4D,
                                           0x56, 0xCC, 0xCC, 0x4D, 0x66, 0x8E, 0x7A, 0xD1};

    reader_kbpk = office_enter(&acquirer, "K1", 'A', 'D', protection);
}

int office_log_key(const message_t *request, message_t *answer)
{
    static const payhsm_key_attributes_t expected = {{'M', '6'}, 'A', 'V', {'0', '0'}, 'N', 0};
    const uint8_t *block;
    payhsm_key_info_t info;
    uint8_t result = RESULT_UNKNOWN;
    size_t len;

    block = message_find(request, TAG_KEY, &len);
    if (block == NULL) {
        return 1;
    }
    if (payhsm_key_import_as(acquirer.ctx, reader_kbpk, PAYHSM_PROFILE_X9_143_STRICT, block, len, &expected, &log_key, &info) ==
        PAYHSM_OK) {
        result = RESULT_APPROVED;
    }
    message_add(answer, TAG_RESULT, &result, 1);
    return answer->len == 0;
}

int office_log_nonce(message_t *answer)
{
    read_up_to = have_read;
    office_must(payhsm_random(acquirer.ctx, nonce, sizeof nonce), "nonce");
    message_add(answer, TAG_NONCE, nonce, sizeof nonce);
    return answer->len == 0;
}

/* The status message says where the log ends; nobody can leave out the last records then. docs/AUDIT.md has its layout. */
int office_log_status(const message_t *request, message_t *answer)
{
    enum { SEQUENCE_AT = 28, TAG_OF_LAST_AT = 36, NONCE_AT = 60, MAC_AT = 76 };
    const uint8_t *status = message_find_exactly(request, TAG_STATUS, PAYHSM_STATUS_MESSAGE_LEN);
    uint8_t result = RESULT_UNKNOWN;
    size_t i;

    if (status == NULL) {
        return 1;
    }
    memset(&ends_at, 0, sizeof ends_at);
    if (payhsm_mac_verify(acquirer.ctx, log_key, PAYHSM_MAC_CMAC, status, MAC_AT, status + MAC_AT, 16) == PAYHSM_OK &&
        memcmp(status + NONCE_AT, nonce, sizeof nonce) == 0) {
        for (i = 0; i < 8; i++) {
            ends_at.sequence = ends_at.sequence << 8 | status[SEQUENCE_AT + i];
        }
        memcpy(ends_at.tag, status + TAG_OF_LAST_AT, sizeof ends_at.tag);
        result = RESULT_APPROVED;
    }
    /* For one reading. */
    memset(nonce, 0, sizeof nonce);
    message_add(answer, TAG_RESULT, &result, 1);
    return answer->len == 0;
}

/* The chain of CMACs over the records goes on where the last part ended. */
int office_log(const message_t *request, message_t *answer)
{
    payhsm_audit_position_t end;
    uint8_t result = RESULT_UNKNOWN;
    size_t len, at;
    const uint8_t *records = message_find(request, TAG_RECORDS, &len);

    if (records == NULL || len == 0 || len % PAYHSM_AUDIT_RECORD_LEN != 0) {
        return 1;
    }
    if (payhsm_audit_verify(acquirer.ctx, log_key, records, len, &read_up_to, NULL, &end) == PAYHSM_OK) {
        read_up_to = end;
        result = RESULT_MORE;
        if (end.sequence == ends_at.sequence && memcmp(end.tag, ends_at.tag, sizeof end.tag) == 0) {
            have_read = end;
            result = RESULT_APPROVED;
        }
        for (at = 0; at < len; at += PAYHSM_AUDIT_RECORD_LEN) {
            result = records[at + EVENT_AT] == TAMPER_EVENT ? RESULT_TAMPER : result;
        }
    }
    message_add(answer, TAG_RESULT, &result, 1);
    return office_seal(answer);
}
