/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Where the terminal's keys come from. */
#include "terminal.h"

#include <string.h>

payhsm_status_t terminal_start(terminal_t *terminal)
{
    const uint32_t sequence = terminal->sequence;

    memset(terminal, 0, sizeof *terminal);
    terminal->sequence = sequence;
    return platform_start(&terminal->hsm);
}

payhsm_status_t terminal_take_up(terminal_t *terminal)
{
    payhsm_initial_key_info_t initial;
    payhsm_key_info_t info;
    uint32_t cursor = 0, key;
    payhsm_status_t status = payhsm_dukpt_find(terminal->hsm, 0, &terminal->group, &initial);

    /* A terminal that has an initial key goes on where it was. */
    if (status != PAYHSM_OK && status != PAYHSM_ERR_INVALID_HANDLE && status != PAYHSM_ERR_NO_KEY) {
        return status;
    }
    while (payhsm_key_next(terminal->hsm, cursor, &cursor, &key, &info) == PAYHSM_OK) {
        if (memcmp(info.attributes.usage, "K1", 2) == 0) {
            terminal->kbpk = key;
        }
    }
    return PAYHSM_OK;
}

/* In a product components are typed in from envelopes and stand in no program. */
typedef uint8_t component_t[16];

static payhsm_status_t ceremony(terminal_t *terminal, char mode, const component_t component[2], uint32_t *key,
                                uint8_t kcv[PAYHSM_KCV_MAX_LEN])
{
    payhsm_key_attributes_t attributes = {{'K', '1'}, 'A', 0, {'0', '0'}, 'N', 0};
    payhsm_key_info_t info;
    payhsm_status_t status;
    uint32_t i;

    memset(kcv, 0, PAYHSM_KCV_MAX_LEN);
    attributes.mode = (uint8_t)mode;
    status = payhsm_component_begin(terminal->hsm, &attributes, sizeof component[0], 2, NULL, 0);
    for (i = 0; status == PAYHSM_OK && i < 2; i++) {
        status = payhsm_component_add(terminal->hsm, CUSTODIAN + i, component[i], sizeof component[i], NULL, 0);
    }
    if (status == PAYHSM_OK) {
        status = payhsm_component_finish(terminal->hsm, key, &info);
    }
    if (status == PAYHSM_OK) {
        memcpy(kcv, info.kcv, sizeof info.kcv);
    }
    return status;
}

/* This key stays: the terminal stores it. */
payhsm_status_t terminal_ceremony(terminal_t *terminal, uint8_t kcv[PAYHSM_KCV_MAX_LEN])
{
    static const component_t component[2] = {
        {0x1F, 0x88, 0x4A, 0xC3, 0x02, 0xE7, 0x95, 0x6B, 0xD0, 0x3C, 0x71, 0xAE, 0x59, 0x14, 0xFD, 0x26},
        {0xA0, 0x57, 0xE9, 0x12, 0x8C, 0x3B, 0x64, 0xF5, 0x07, 0xDA, 0x2E, 0x90, 0xC1, 0x7D, 0x48, 0xB3}};
    const payhsm_status_t status = ceremony(terminal, 'D', component, &terminal->kbpk, kcv);

    return status == PAYHSM_OK ? payhsm_key_store(terminal->hsm, terminal->kbpk) : status;
}

payhsm_status_t terminal_log_ceremony(terminal_t *terminal, uint32_t *key)
{
    static const component_t component[2] = {
        {0x8B, 0x30, 0xD5, 0x6E, 0xF1, 0x09, 0xC7, 0x42, 0x9D, 0xB8, 0x25, 0x7F, 0xE0, 0x53, 0x1A, 0x64},
        {0x47, 0xEC, 0x12, 0x91, 0x3D, 0xA6, 0x58, 0x0F, 0xCB, 0x74, 0xE9, 0x32, 0x86, 0xDD, 0x60, 0xB5}};
    uint8_t kcv[PAYHSM_KCV_MAX_LEN];

    return ceremony(terminal, 'E', component, key, kcv);
}

/* The value of a key-block field of an answer. What it says of itself the block's authenticator shows. */
static payhsm_status_t fetch(terminal_t *terminal, uint8_t type, message_t *answer)
{
    message_t request;

    message_begin(&request, type, ++terminal->sequence);
    if (link_exchange(&request, answer) != 0) {
        return PAYHSM_ERR_RECORD;
    }
    return PAYHSM_OK;
}

payhsm_status_t terminal_initial_key(terminal_t *terminal)
{
    payhsm_initial_key_info_t info;
    message_t answer;
    const uint8_t *block;
    size_t len;
    payhsm_status_t status = fetch(terminal, TYPE_INITIAL_KEY, &answer);

    block = message_find(&answer, TAG_KEY, &len);
    if (status != PAYHSM_OK || block == NULL) {
        return PAYHSM_ERR_RECORD;
    }
    return payhsm_dukpt_load(terminal->hsm, terminal->kbpk, PAYHSM_PROFILE_X9_143_STRICT, block, len, &terminal->group,
                             &info);
}

/* One key of the sign-on. `expected`: no key takes the place of another, whatever the line does. */
static payhsm_status_t session_key(terminal_t *terminal, const message_t *answer, uint8_t tag, const char *usage, char mode,
                                   uint32_t *key)
{
    payhsm_key_attributes_t expected;
    payhsm_key_info_t info;
    payhsm_status_t status;
    const uint32_t old = *key;
    size_t len;
    const uint8_t *block = message_find(answer, tag, &len);

    if (block == NULL) {
        return PAYHSM_ERR_RECORD;
    }
    memset(&expected, 0, sizeof expected);
    memcpy(expected.usage, usage, sizeof expected.usage);
    expected.algorithm = 'A';
    expected.mode = (uint8_t)mode;
    memcpy(expected.version, "00", sizeof expected.version);
    expected.exportability = 'N';
    status = payhsm_key_import_as(terminal->hsm, terminal->kbpk, PAYHSM_PROFILE_X9_143_STRICT, block, len, &expected, key,
                                  &info);
    if (status == PAYHSM_OK && old != 0) {
        status = payhsm_key_erase(terminal->hsm, old);
    } else if (status != PAYHSM_OK) {
        *key = old;
    }
    return status;
}

payhsm_status_t terminal_sign_on(terminal_t *terminal)
{
    message_t answer;
    payhsm_status_t status = fetch(terminal, TYPE_SIGN_ON, &answer);

    if (status == PAYHSM_OK) {
        status = session_key(terminal, &answer, TAG_KEY, "P0", 'E', &terminal->session_pin);
    }
    if (status == PAYHSM_OK) {
        status = session_key(terminal, &answer, TAG_KEY_MAC, "M6", 'C', &terminal->session_mac);
    }
    if (status == PAYHSM_OK) {
        status = session_key(terminal, &answer, TAG_KEY_DATA, "D0", 'B', &terminal->session_data);
    }
    if (status == PAYHSM_OK) {
        status = session_key(terminal, &answer, TAG_KEY_ORDER, "M6", 'G', &terminal->order_key);
    }
    return status;
}
