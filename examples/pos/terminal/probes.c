/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a careless or hostile application might ask of the module. Each must be refused; the status says how. */
#include <string.h>

#include "internal.h"

/* Encipher a PIN under a MAC key: would turn the MAC function into a decryption oracle for PIN blocks. */
payhsm_status_t terminal_probe_mac_key_for_pin(terminal_t *terminal) {
    static const payhsm_key_attributes_t mac = {{'M', '3'}, 'T', 'C', {'0', '0'}, 'N', 0};
    static const uint8_t pan[] = "4000000000000002";
    payhsm_pin_t pin = {4, {0}};
    payhsm_key_info_t info;
    uint32_t key;
    uint8_t block[PAYHSM_PIN_BLOCK_MAX_LEN];
    size_t len;
    payhsm_status_t status = payhsm_key_generate(terminal->hsm, &mac, 16, &key, &info);
    if (status != PAYHSM_OK) {
        return status;
    }
    status = payhsm_pin_encipher(terminal->hsm, key, PAYHSM_PIN_FORMAT_0, pan, sizeof pan - 1, &pin, block,
                                 sizeof block, &len);
    const payhsm_status_t erased = payhsm_key_erase(terminal->hsm, key);
    return erased == PAYHSM_OK ? status : erased;
}

/* Encipher two PINs under one transaction: known and unknown PIN under one key. */
payhsm_status_t terminal_probe_second_pin(terminal_t *terminal) {
    static const uint8_t pan[] = "4000000000000002";
    uint8_t ksn[PAYHSM_KSN_MAX_LEN], block[PAYHSM_PIN_BLOCK_MAX_LEN];
    size_t ksn_len, len;
    uint32_t transaction;
    payhsm_status_t status =
        payhsm_dukpt_begin(terminal->hsm, terminal->groups[SCHEME_TDEA], &transaction, ksn, sizeof ksn, &ksn_len);
    if (status != PAYHSM_OK) {
        return status;
    }
    for (int i = 0; i < 2 && status == PAYHSM_OK; i++) {
        payhsm_pin_t pin = {4, {0}};
        status = payhsm_pin_encipher(terminal->hsm, transaction, PAYHSM_PIN_FORMAT_0, pan, sizeof pan - 1, &pin, block,
                                     sizeof block, &len);
    }
    const payhsm_status_t ended = payhsm_transaction_end(terminal->hsm, transaction);
    return ended == PAYHSM_OK ? status : ended;
}

/* Take a MAC that the terminal itself made for the host's: reflection. The directions have different keys. */
payhsm_status_t terminal_probe_own_mac_as_answer(terminal_t *terminal) {
    static const uint8_t data[] = "response code 00";
    uint8_t ksn[PAYHSM_KSN_MAX_LEN], mac[MESSAGE_MAC_LEN];
    size_t ksn_len, mac_len;
    uint32_t transaction;
    payhsm_status_t status =
        payhsm_dukpt_begin(terminal->hsm, terminal->groups[SCHEME_AES], &transaction, ksn, sizeof ksn, &ksn_len);
    if (status != PAYHSM_OK) {
        return status;
    }
    status = payhsm_mac_generate(terminal->hsm, transaction, PAYHSM_MAC_CMAC, data, sizeof data, sizeof mac, mac,
                                 sizeof mac, &mac_len);
    if (status == PAYHSM_OK) {
        status = payhsm_mac_verify(terminal->hsm, transaction, PAYHSM_MAC_CMAC, data, sizeof data, mac, mac_len);
    }
    const payhsm_status_t ended = payhsm_transaction_end(terminal->hsm, transaction);
    return ended == PAYHSM_OK ? status : ended;
}
