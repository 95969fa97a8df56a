/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The terminal's side of a sale: key block in, card's answer read, PIN and track 2 enciphered, request authenticated,
 * response checked before it is believed. */
#include <string.h>

#include "board.h"
#include "terminal.h"

static uint8_t message[256];
static size_t message_len;

static void add(const uint8_t *data, size_t len) {
    if (len > sizeof message - message_len) {
        board_exit(4);
    }
    memcpy(message + message_len, data, len);
    message_len += len;
}

static void show(const char *what, const uint8_t *data, size_t len) {
    static const char digits[] = "0123456789ABCDEF";
    char text[3] = {0};
    board_write("  ");
    board_write(what);
    board_write(" ");
    for (size_t i = 0; i < len; i++) {
        text[0] = digits[data[i] >> 4];
        text[1] = digits[data[i] & 15];
        board_write(text);
    }
    board_write("\n");
}

static uint32_t load_keys(const struct sale *sale) {
    payhsm_initial_key_info_t info;
    uint32_t group = 0;
    uint32_t kbpk;
    terminal_restart();
    kbpk = terminal_enter_kbpk(sale->component1, sale->component2, 'A', (struct bytes){NULL, 0});
    expect_status("initial key",
                  CALL(payhsm_dukpt_load, terminal, kbpk, PAYHSM_PROFILE_X9_143_STRICT, sale->initial_key.at,
                       sale->initial_key.len, &group, &info),
                  PAYHSM_OK);
    /* The protection key has done its work. */
    expect_status("erase", CALL(payhsm_key_erase, terminal, kbpk), PAYHSM_OK);
    show("initial key, KCV", info.kcv, info.kcv_len);
    return group;
}

static void encipher_pin(const struct sale *sale, uint32_t transaction) {
    uint8_t block[PAYHSM_PIN_BLOCK_MAX_LEN];
    size_t len = 0;
    payhsm_pin_t pin = {0, {0}};
    for (int attempt = 0; attempt < 2; attempt++) {
        pin.len = (uint8_t)sale->pin.len;
        for (size_t i = 0; i < sale->pin.len; i++) {
            pin.digits[i] = (uint8_t)(sale->pin.at[i] - '0');
        }
        if (attempt == 0) {
            terminal_random(sale->random);
        }
        /* One PIN a transaction: the second is refused, and wiped as well. */
        expect_status("PIN",
                      CALL(payhsm_pin_encipher, terminal, transaction, sale->pin_format, sale->pan.at, sale->pan.len,
                           &pin, block, sizeof block, &len),
                      attempt == 0 ? PAYHSM_OK : PAYHSM_ERR_LIMIT_REACHED);
        if (attempt == 0) {
            expect_bytes("PIN block", block, len, sale->pin_block);
            show("PIN block", block, len);
            add(block, len);
        }
    }
    terminal_random((struct bytes){NULL, 0});
    expect_bytes("a refused PIN block is empty", block, len, (struct bytes){block, 0});
}

static void encipher_track2(const struct sale *sale, uint32_t transaction) {
    static const uint8_t zero[16];
    uint8_t out[64];
    size_t len = 0;
    const size_t block_len = sale->pin_block.len;
    expect_status("track 2",
                  CALL(payhsm_data_encipher, terminal, transaction, zero, block_len, sale->track2.at, sale->track2.len,
                       out, sizeof out, &len),
                  PAYHSM_OK);
    expect_bytes("track 2", out, len, sale->track2_enciphered);
    add(out, len);
}

static void read_card(const struct sale *sale) {
    payhsm_ac_response_t answer;
    expect_status("card", CALL(payhsm_emv_ac_response, sale->card_answer.at, sale->card_answer.len, &answer),
                  PAYHSM_OK);
    if (answer.kind != PAYHSM_CRYPTOGRAM_ARQC) {
        expect_bytes("no ARQC", NULL, 0, sale->card_answer);
    }
    show("ARQC", answer.cryptogram, sizeof answer.cryptogram);
}

static void authenticate(const struct sale *sale, uint32_t transaction) {
    uint8_t mac[PAYHSM_MAC_MAX_LEN];
    size_t len = 0;
    expect_status("request MAC",
                  CALL(payhsm_mac_generate, terminal, transaction, sale->mac_method, message, message_len,
                       sale->request_mac.len, mac, sizeof mac, &len),
                  PAYHSM_OK);
    expect_bytes("request MAC", mac, len, sale->request_mac);
    show("request MAC", mac, len);
}

static void believe(const struct sale *sale, uint32_t transaction) {
    uint8_t changed[64];
    /* In parts, as it comes over the line. */
    expect_status("response",
                  CALL(payhsm_mac_begin, terminal, transaction, sale->mac_method, PAYHSM_MAC_VERIFY), PAYHSM_OK);
    expect_status("response", CALL(payhsm_mac_update, terminal, sale->response.at, 5), PAYHSM_OK);
    expect_status("response", CALL(payhsm_mac_update, terminal, sale->response.at + 5, sale->response.len - 5),
                  PAYHSM_OK);
    expect_status("response MAC",
                  CALL(payhsm_mac_finish_verify, terminal, sale->response_mac.at, sale->response_mac.len), PAYHSM_OK);
    /* Another amount is another message. */
    memcpy(changed, sale->response.at, sale->response.len);
    changed[sale->response.len - 1] ^= 0x10;
    expect_status("changed amount",
                  CALL(payhsm_mac_verify, terminal, transaction, sale->mac_method, changed, sale->response.len,
                       sale->response_mac.at, sale->response_mac.len),
                  PAYHSM_ERR_VERIFICATION_FAILED);
    /* And the request's MAC does not pass for the response's. */
    expect_status("reflected request",
                  CALL(payhsm_mac_verify, terminal, transaction, sale->mac_method, message, message_len,
                       sale->request_mac.at, sale->request_mac.len),
                  PAYHSM_ERR_VERIFICATION_FAILED);
}

void play_sale(const struct sale *sale) {
    uint8_t ksn[PAYHSM_KSN_MAX_LEN];
    size_t len = 0;
    uint32_t transaction = 0;
    const uint32_t group = load_keys(sale);

    message_len = 0;
    expect_status("transaction", CALL(payhsm_dukpt_begin, terminal, group, &transaction, ksn, sizeof ksn, &len),
                  PAYHSM_OK);
    expect_bytes("KSN", ksn, len, sale->ksn);
    show("KSN", ksn, len);
    add(ksn, len);
    read_card(sale);
    encipher_pin(sale, transaction);
    encipher_track2(sale, transaction);
    add(sale->amount.at, sale->amount.len);
    add(sale->card_answer.at, sale->card_answer.len);
    authenticate(sale, transaction);
    believe(sale, transaction);
    expect_status("end", CALL(payhsm_transaction_end, terminal, transaction), PAYHSM_OK);
    expect_status("after the end",
                  CALL(payhsm_mac_update, terminal, message, message_len), PAYHSM_ERR_BAD_STATE);
    board_write(sale->name);
    board_write(": ok\n");
}
