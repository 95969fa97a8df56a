/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Remote key loading.
 *
 *   terminal                                host
 *   0800: terminal identification   ----->
 *                                   <-----  0810: M1
 *   0800: M2                        ----->  the host has the KBPK
 *                                   <-----  0810: M3, key blocks with both initial keys, their check values
 *   the terminal has the KBPK, loads the blocks, compares the check values
 *
 * Needs the library's feature `ec`; a terminal without it enters its KBPK by components.
 */
#include <string.h>

#include "internal.h"

static const uint8_t NETWORK_REQUEST[2] = {0x08, 0x00};
static const uint8_t NETWORK_ANSWER[2] = {0x08, 0x10};

/* One step: what goes out with `tag`, and the elements that come back. */
static payhsm_status_t step(terminal_t *terminal, uint16_t tag, const uint8_t *value, size_t len, span_t *content) {
    message_t *request = &terminal->request;
    message_begin(request, TEMPLATE_REQUEST);
    message_put(request, TAG_TYPE, NETWORK_REQUEST, sizeof NETWORK_REQUEST);
    message_put(request, TAG_TERMINAL, terminal->platform.terminal_id, TERMINAL_ID_LEN);
    if (len > 0) {
        message_put(request, tag, value, len);
    }
    payhsm_status_t status = message_close(request);
    if (status != PAYHSM_OK) {
        return status;
    }
    if (terminal_exchange(terminal) != TERMINAL_APPROVED) {
        return PAYHSM_ERR_BAD_STATE;
    }
    span_t type;
    status = message_content(&terminal->answer, TEMPLATE_ANSWER, content);
    if (status == PAYHSM_OK && (!tlv_exactly(*content, TAG_TYPE, sizeof NETWORK_ANSWER, &type) ||
                                memcmp(type.data, NETWORK_ANSWER, sizeof NETWORK_ANSWER) != 0)) {
        status = PAYHSM_ERR_TLV_MISSING;
    }
    return status;
}

/* Loads a block and compares the check value, which is no secret. */
static payhsm_status_t load(terminal_t *terminal, span_t content, uint16_t block_tag, uint16_t kcv_tag,
                            payhsm_initial_key_info_t *info) {
    span_t block, kcv;
    if (tlv_find(content, block_tag, &block) != 1 || !tlv_exactly(content, kcv_tag, PAYHSM_KCV_MAX_LEN, &kcv)) {
        return PAYHSM_ERR_TLV_MISSING;
    }
    const payhsm_status_t status = terminal_load_initial_key(terminal, block.data, block.len, info);
    if (status == PAYHSM_OK && (info->kcv_len != kcv.len || memcmp(info->kcv, kcv.data, kcv.len) != 0)) {
        return PAYHSM_ERR_VERIFICATION_FAILED;
    }
    return status;
}

payhsm_status_t terminal_load_keys(terminal_t *terminal, terminal_keys_t *keys) {
    const terminal_platform_t *platform = &terminal->platform;
    uint8_t m2[PAYHSM_AGREEMENT_M2_LEN];
    size_t m2_len;
    span_t content, m1, m3;
    memset(keys, 0, sizeof *keys);

    payhsm_status_t status = step(terminal, 0, NULL, 0, &content);
    if (status != PAYHSM_OK) {
        return status;
    }
    if (!tlv_exactly(content, TAG_M1, PAYHSM_AGREEMENT_M1_LEN, &m1)) {
        return PAYHSM_ERR_TLV_MISSING;
    }
    status = payhsm_agreement_answer(terminal->hsm, terminal->authentication, platform->host_id, platform->host_id_len,
                                     platform->terminal_id, TERMINAL_ID_LEN, 16, m1.data, m2, sizeof m2, &m2_len);
    if (status != PAYHSM_OK) {
        return status;
    }
    status = step(terminal, TAG_M2, m2, m2_len, &content);
    if (status != PAYHSM_OK) {
        return status;
    }
    if (!tlv_exactly(content, TAG_M3, PAYHSM_AGREEMENT_M3_LEN, &m3)) {
        return PAYHSM_ERR_TLV_MISSING;
    }
    /* The key of an earlier agreement goes: slots are few. */
    if (terminal->protection != 0) {
        terminal_ignore(payhsm_key_erase(terminal->hsm, terminal->protection));
        terminal->protection = 0;
    }
    status = payhsm_agreement_finish(terminal->hsm, m3.data, &terminal->protection, &keys->protection);
    if (status == PAYHSM_OK) {
        status = load(terminal, content, TAG_BLOCK_TDEA, TAG_KCV_TDEA, &keys->initial[SCHEME_TDEA]);
    }
    if (status == PAYHSM_OK) {
        status = load(terminal, content, TAG_BLOCK_AES, TAG_KCV_AES, &keys->initial[SCHEME_AES]);
    }
    return status;
}
