/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Who may do what at the terminal. */
#include "terminal.h"

#include <string.h>

/* Each user has a token with a key; here its answers come over the line, so that the controller can be played, too. */
static payhsm_status_t token(terminal_t *terminal, uint32_t user, const uint8_t challenge[PAYHSM_CHALLENGE_LEN],
                             uint8_t response[PAYHSM_RESPONSE_LEN])
{
    const uint8_t number = (uint8_t)user;
    const uint8_t *given;
    message_t request, answer;

    message_begin(&request, TYPE_TOKEN, ++terminal->sequence);
    message_add(&request, TAG_USER, &number, 1);
    message_add(&request, TAG_NONCE, challenge, PAYHSM_CHALLENGE_LEN);
    if (link_exchange(&request, &answer) != 0) {
        return PAYHSM_ERR_RECORD;
    }
    given = message_find_exactly(&answer, TAG_RESPONSE, PAYHSM_RESPONSE_LEN);
    if (given == NULL) {
        return PAYHSM_ERR_RECORD;
    }
    memcpy(response, given, PAYHSM_RESPONSE_LEN);
    return PAYHSM_OK;
}

payhsm_status_t terminal_log_in(terminal_t *terminal, uint32_t user)
{
    uint8_t challenge[PAYHSM_CHALLENGE_LEN], response[PAYHSM_RESPONSE_LEN];
    payhsm_status_t status = payhsm_login_begin(terminal->hsm, user, challenge);

    if (status == PAYHSM_OK) {
        status = token(terminal, user, challenge, response);
    }
    return status == PAYHSM_OK ? payhsm_login_finish(terminal->hsm, response, 0, &terminal->logged_in[user]) : status;
}

payhsm_status_t terminal_log_out(terminal_t *terminal, uint32_t user)
{
    const uint32_t session = terminal->logged_in[user];

    terminal->logged_in[user] = 0;
    return payhsm_logout(terminal->hsm, session);
}

/* The key of a user's token comes in a key block. */
static payhsm_status_t fetch_key(terminal_t *terminal, uint32_t user, uint32_t *key)
{
    static const payhsm_key_attributes_t expected = {{'M', '6'}, 'A', 'V', {'0', '0'}, 'N', 0};
    const uint8_t number = (uint8_t)user;
    const uint8_t *block;
    message_t request, answer;
    payhsm_key_info_t info;
    size_t len;

    message_begin(&request, TYPE_USER_KEY, ++terminal->sequence);
    message_add(&request, TAG_USER, &number, 1);
    if (link_exchange(&request, &answer) != 0) {
        return PAYHSM_ERR_RECORD;
    }
    block = message_find(&answer, TAG_KEY, &len);
    if (block == NULL) {
        return PAYHSM_ERR_RECORD;
    }
    return payhsm_key_import_as(terminal->hsm, terminal->kbpk, PAYHSM_PROFILE_X9_143_STRICT, block, len, &expected, key, &info);
}

payhsm_status_t terminal_enrol(terminal_t *terminal)
{
    static const uint32_t role[USERS] = {PAYHSM_ROLE_OFFICER,  PAYHSM_ROLE_OFFICER, PAYHSM_ROLE_CUSTODIAN, PAYHSM_ROLE_CUSTODIAN,
                                         PAYHSM_ROLE_OPERATOR, PAYHSM_ROLE_AUDITOR, PAYHSM_ROLE_HOST};
    payhsm_enrolment_t enrolment;
    payhsm_status_t status = PAYHSM_OK;
    uint32_t key[USERS], i;

    for (i = 0; status == PAYHSM_OK && i < USERS; i++) {
        status = fetch_key(terminal, i + 1, &key[i]);
    }
    for (i = 0; status == PAYHSM_OK && i < USERS; i++) {
        memset(&enrolment, 0, sizeof enrolment);
        enrolment.size = sizeof enrolment;
        enrolment.user = i + 1;
        enrolment.role = role[i];
        enrolment.key = key[i];
        enrolment.factor = PAYHSM_FACTOR_NONE;
        status = payhsm_role_enrol(terminal->hsm, &enrolment);
        /* The officers enrol the rest. */
        if (status == PAYHSM_OK && i + 1 <= OTHER_OFFICER) {
            status = terminal_log_in(terminal, i + 1);
        }
    }
    return status;
}
