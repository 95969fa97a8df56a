/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a terminal does with secrets. */
#include <string.h>

#include "proof.h"

static const uint8_t PAN[] = "4012345678909";
static const uint8_t MESSAGE[] = "4012345678909D987";
static const uint8_t IV[16] = {1, 2, 3, 4, 5, 6, 7, 8};
static const uint8_t ID_TDES[] = {0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0x00, 0x00};
static const uint8_t ID_AES[] = {0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56};

#define CTX terminal.ctx
#define KSN out.more, PAYHSM_KSN_MAX_LEN, &out.len
#define GIVEN out.bytes, sizeof out.bytes, &out.len

/* --- keys come in ------------------------------------------------------------------------------------------------- */

static void component_tdes(void) {
    restart(0);
    enter_first(&terminal, "K1", 'T', 'D', 'N', 0, 16);
    component(0, 1, 16, in.block);
}
static void component_aes(void) {
    restart(0);
    enter_first(&terminal, "K1", 'A', 'D', 'N', 8, 32);
    component(8, 1, 32, in.block);
}
static payhsm_status_t add_tdes(void) { return payhsm_component_add(CTX, 2, in.block, 16, NULL, 0); }
static payhsm_status_t add_aes(void) { return payhsm_component_add(CTX, 2, in.block, 32, NULL, 0); }
static void ceremony_tdes(void) {
    component_tdes();
    must(add_tdes());
}
static void ceremony_aes(void) {
    component_aes();
    must(add_aes());
}
static payhsm_status_t finish(void) { return payhsm_component_finish(CTX, &out.handle, &out.info); }
/* The wrong check value of a component. */
static payhsm_status_t add_wrong(void) { return payhsm_component_add(CTX, 2, in.block, 16, IV, 3); }

/* A key block from the host, under a protection key that both have. */
static void blocks(char algorithm, size_t len, const char *usage, char of, char mode, size_t key_len) {
    restart(0);
    kbpk = enter(&host, "K1", algorithm, 'E', 'N', algorithm == 'T' ? 0 : 8, len);
    key = enter(&host, usage, of, mode, 'E', of == 'T' ? 1 : 9, key_len);
    must(payhsm_key_export(host.ctx, kbpk, key, in.block, BLOCK, &in.len));
    kbpk = enter(&terminal, "K1", algorithm, 'D', 'N', algorithm == 'T' ? 0 : 8, len);
}
static void block_b(void) { blocks('T', 16, "P0", 'T', 'E', 16); }
static void block_d(void) { blocks('A', 32, "D0", 'A', 'B', 16); }
static payhsm_status_t import(void) {
    return payhsm_key_import(CTX, kbpk, PAYHSM_PROFILE_X9_143_STRICT, in.block, in.len, &out.handle, &out.info);
}
static void spoil(void) { in.block[in.len - 40] = in.block[in.len - 40] == '0' ? '1' : '0'; }
static void spoil_authenticator(void) { other_characters(in.block + in.len - 32, 32); }
static void block_b_wrong(void) {
    block_b();
    spoil();
}
static void block_d_wrong(void) {
    block_d();
    spoil();
}
static void block_d_authenticator(void) {
    block_d();
    spoil_authenticator();
}

static void initial(char algorithm) {
    uint32_t bdk;
    restart(0);
    bdk = enter(&host, "B0", algorithm, 'X', 'N', algorithm == 'T' ? 2 : 10, 16);
    kbpk = enter(&host, "K1", 'A', 'E', 'N', 8, 32);
    must(payhsm_dukpt_export_initial_key(host.ctx, bdk, algorithm == 'T' ? ID_TDES : ID_AES, algorithm == 'T' ? 10 : 8, kbpk,
                                         in.block, BLOCK, &in.len, in.bytes));
    kbpk = enter(&terminal, "K1", 'A', 'D', 'N', 8, 32);
    key = bdk;
}
static void initial_tdes(void) { initial('T'); }
static void initial_aes(void) { initial('A'); }
static void initial_tdes_wrong(void) {
    initial('T');
    spoil();
}
static payhsm_status_t load(void) {
    return payhsm_dukpt_load(CTX, kbpk, PAYHSM_PROFILE_X9_143_STRICT, in.block, in.len, &out.handle, &out.initial);
}
static void loaded(char algorithm) {
    initial(algorithm);
    must(payhsm_dukpt_load(CTX, kbpk, PAYHSM_PROFILE_X9_143_STRICT, in.block, in.len, &group, &out.initial));
    memset(&out, 0, sizeof out);
}
static void loaded_tdes(void) { loaded('T'); }
static void loaded_aes(void) { loaded('A'); }

/* --- transactions ------------------------------------------------------------------------------------------------- */

static payhsm_status_t begin(void) { return payhsm_dukpt_begin(CTX, group, &out.handle, KSN); }
static void begun(char algorithm, unsigned times) {
    loaded(algorithm);
    while (times-- > 0) {
        must(payhsm_dukpt_begin(CTX, group, &sale, in.bytes, PAYHSM_KSN_MAX_LEN, &in.bytes_len));
        if (times > 0) {
            must(payhsm_transaction_end(CTX, sale));
        }
    }
    in.pin = SECRETS->pins[0].pin;
}
static void third_tdes(void) {
    loaded('T');
    for (int i = 0; i < 3; i++) {
        must(payhsm_dukpt_begin(CTX, group, &sale, in.bytes, PAYHSM_KSN_MAX_LEN, &in.bytes_len));
        must(payhsm_transaction_end(CTX, sale));
    }
}
static void unsaved_tdes(void) {
    loaded('T');
    terminal.save_answer = -1;
}
static void unsaved_aes(void) {
    loaded('A');
    terminal.save_answer = -1;
}
static void sale_tdes(void) { begun('T', 1); }
static void sale_aes(void) { begun('A', 1); }
static void sale_tdes_no_entropy(void) {
    begun('T', 1);
    terminal.entropy_answer = -1;
}
static void sale_aes_no_entropy(void) {
    begun('A', 1);
    terminal.entropy_answer = -1;
}
static payhsm_status_t end(void) { return payhsm_transaction_end(CTX, sale); }
static payhsm_status_t pin(uint32_t format) {
    return payhsm_pin_encipher(CTX, sale, format, PAN, 13, &in.pin, GIVEN);
}
static payhsm_status_t pin_0(void) { return pin(PAYHSM_PIN_FORMAT_0); }
static payhsm_status_t pin_3(void) { return pin(PAYHSM_PIN_FORMAT_3); }
static payhsm_status_t pin_4(void) { return pin(PAYHSM_PIN_FORMAT_4); }
static payhsm_status_t pin_no_room(void) {
    return payhsm_pin_encipher(CTX, sale, PAYHSM_PIN_FORMAT_0, PAN, 13, &in.pin, out.bytes, 7, &out.len);
}
static void pin_bad(void) {
    begun('T', 1);
    in.pin.digits[1] = 10;
}
static void pin_twice(void) {
    begun('T', 1);
    must(payhsm_pin_encipher(CTX, sale, PAYHSM_PIN_FORMAT_0, PAN, 13, &in.pin, GIVEN));
    memset(&out, 0, sizeof out);
    in.pin = SECRETS->pins[1].pin;
}
static payhsm_status_t mac_x9_19(void) {
    return payhsm_mac_generate(CTX, sale, PAYHSM_MAC_X9_19, MESSAGE, 17, 8, GIVEN);
}
static payhsm_status_t mac_cmac(void) { return payhsm_mac_generate(CTX, sale, PAYHSM_MAC_CMAC, MESSAGE, 17, 16, GIVEN); }
static payhsm_status_t encipher_8(void) { return payhsm_data_encipher(CTX, sale, IV, 8, MESSAGE, 16, GIVEN); }
static payhsm_status_t encipher_16(void) { return payhsm_data_encipher(CTX, sale, IV, 16, MESSAGE, 16, GIVEN); }
static payhsm_status_t decipher_8(void) { return payhsm_data_decipher(CTX, sale, IV, 8, MESSAGE, 16, GIVEN); }
static payhsm_status_t decipher_16(void) { return payhsm_data_decipher(CTX, sale, IV, 16, MESSAGE, 16, GIVEN); }

/* The host's answer, for the terminal to check. */
static void answered(char algorithm, uint32_t method, size_t len) {
    begun(algorithm, 1);
    must(payhsm_dukpt_derive(host.ctx, key, in.bytes, in.bytes_len, &message));
    must(payhsm_mac_generate(host.ctx, message, method, MESSAGE, 17, len, in.block, BLOCK, &in.len));
}
static void answered_tdes(void) { answered('T', PAYHSM_MAC_X9_19, 8); }
static void answered_aes(void) { answered('A', PAYHSM_MAC_CMAC, 16); }
static void answered_tdes_wrong(void) {
    answered_tdes();
    other_bytes(in.block, in.len);
}
static void answered_aes_wrong(void) {
    answered_aes();
    other_bytes(in.block, in.len);
}
static payhsm_status_t verify_x9_19(void) {
    return payhsm_mac_verify(CTX, sale, PAYHSM_MAC_X9_19, MESSAGE, 17, in.block, in.len);
}
static payhsm_status_t verify_cmac(void) {
    return payhsm_mac_verify(CTX, sale, PAYHSM_MAC_CMAC, MESSAGE, 17, in.block, in.len);
}
static void parts(void) {
    answered_tdes();
    must(payhsm_mac_begin(CTX, sale, PAYHSM_MAC_X9_19, PAYHSM_MAC_VERIFY));
}
static payhsm_status_t mac_begin(void) { return payhsm_mac_begin(CTX, sale, PAYHSM_MAC_X9_19, PAYHSM_MAC_VERIFY); }
static payhsm_status_t mac_update(void) { return payhsm_mac_update(CTX, MESSAGE, 17); }
static void parts_all(void) {
    parts();
    must(mac_update());
}
static void parts_wrong(void) {
    parts_all();
    other_bytes(in.block, in.len);
}
static payhsm_status_t mac_end(void) { return payhsm_mac_finish_verify(CTX, in.block, in.len); }

static void update(void) {
    loaded('A');
    second = enter(&host, "B0", 'A', 'X', 'N', 11, 16);
    memcpy(in.bytes, ID_AES, 8);
    in.bytes[7]++;
    must(payhsm_dukpt_export_update(host.ctx, key, ID_AES, 8, second, in.bytes, 8, in.block, BLOCK, &in.len, in.bytes + 16));
}
static void update_wrong(void) {
    update();
    spoil();
}
static payhsm_status_t dukpt_update(void) {
    return payhsm_dukpt_update(CTX, group, PAYHSM_PROFILE_X9_143_STRICT, in.block, in.len, &out.initial);
}

/* --- keys of slots ------------------------------------------------------------------------------------------------ */

static void slot(const char *usage, char algorithm, char mode, size_t len) {
    restart(PAYHSM_POLICY_UNIONPAY | PAYHSM_POLICY_ECB_DATA | PAYHSM_POLICY_OFFLINE_PIN | PAYHSM_POLICY_PLAINTEXT_OFFLINE_PIN);
    sale = enter(&terminal, usage, algorithm, mode, 'E', algorithm == 'T' ? 1 : 9, len);
    in.pin = SECRETS->pins[0].pin;
    memcpy(in.bytes, SECRETS->entropy + 1000, 32);
}
static void slot_retail(void) { slot("M3", 'T', 'C', 16); }
static void slot_cmac_tdes(void) { slot("M6", 'T', 'C', 16); }
static void slot_cmac_aes(void) { slot("M6", 'A', 'C', 32); }
static void sale_hmac(void) {
    begun('A', 1);
    must(payhsm_transaction_select(CTX, sale, PAYHSM_WORKING_MAC, PAYHSM_KEY_TYPE_HMAC128));
}
static void slot_unionpay(void) { slot("M1", 'T', 'C', 16); }
static void slot_data_tdes(void) { slot("D0", 'T', 'B', 16); }
static void slot_data_aes(void) { slot("D0", 'A', 'B', 32); }
static void slot_pin_tdes(void) { slot("P0", 'T', 'E', 16); }
static payhsm_status_t mac(uint32_t method, size_t len) {
    return payhsm_mac_generate(CTX, sale, method, in.bytes, 24, len, GIVEN);
}
static payhsm_status_t mac_pad2(void) { return mac(PAYHSM_MAC_ALG3_PAD2, 8); }
static payhsm_status_t mac_cmac_8(void) { return mac(PAYHSM_MAC_CMAC, 8); }
static payhsm_status_t mac_cmac_16(void) { return mac(PAYHSM_MAC_CMAC, 16); }
static payhsm_status_t mac_sha256(void) { return mac(PAYHSM_MAC_HMAC_SHA256, 32); }
static payhsm_status_t mac_unionpay(void) { return mac(PAYHSM_MAC_UNIONPAY, 8); }
static payhsm_status_t ecb(void) { return payhsm_data_ecb_encipher(CTX, sale, in.bytes, 32, GIVEN); }
static payhsm_status_t ecb_back(void) { return payhsm_data_ecb_decipher(CTX, sale, in.bytes, 32, GIVEN); }
static payhsm_status_t ctr(void) { return payhsm_data_ctr(CTX, sale, IV, 16, in.bytes, 29, GIVEN); }
static payhsm_status_t track(void) {
    return payhsm_track2_encipher(CTX, sale, (const uint8_t *)"1234567890123456789=0508201781999168302", 39, GIVEN);
}
static void checked_key(void) {
    payhsm_key_info_t info;
    slot("M6", 'A', 'C', 16);
    must(payhsm_key_info(CTX, sale, &info));
    memcpy(in.block, info.kcv, 5);
}
static void checked_key_wrong(void) {
    checked_key();
    other_bytes(in.block, 5);
}
static payhsm_status_t key_check(void) { return payhsm_key_check(CTX, sale, PAYHSM_CHECK_CMAC, in.block, 5); }
static payhsm_status_t plaintext_pin(void) { return payhsm_offline_pin_plaintext(CTX, &in.pin, out.bytes); }
static void erasable(void) { slot("M3", 'T', 'C', 16); }
static payhsm_status_t key_erase(void) { return payhsm_key_erase(CTX, sale); }

const struct operation TERMINAL[] = {
    RUN("component, TDEA", component_tdes, add_tdes, PAYHSM_OK, KEEPS),
    RUN("component, AES-256", component_aes, add_aes, PAYHSM_OK, KEEPS),
    RUN("component, wrong check value", component_tdes, add_wrong, WRONG, ALSO | KEEPS),
    RUN("ceremony ends, TDEA", ceremony_tdes, finish, PAYHSM_OK, KEEPS),
    RUN("ceremony ends, AES-256", ceremony_aes, finish, PAYHSM_OK, KEEPS),
    RUN("key block B, unwrap", block_b, import, PAYHSM_OK, KEEPS),
    RUN("key block D, unwrap", block_d, import, PAYHSM_OK, KEEPS),
    RUN("key block B, changed", block_b_wrong, import, WRONG, ALSO),
    RUN("key block D, changed", block_d_wrong, import, WRONG, HOSTILE),
    RUN("key block D, other authenticator", block_d_authenticator, import, WRONG, ALSO),
    RUN("initial key, TDEA", initial_tdes, load, PAYHSM_OK, KEEPS),
    RUN("initial key, AES", initial_aes, load, PAYHSM_OK, KEEPS),
    RUN("initial key, changed", initial_tdes_wrong, load, WRONG, ALSO),
    RUN("DUKPT next, TDEA", loaded_tdes, begin, PAYHSM_OK, KEEPS),
    RUN("DUKPT next, TDEA, fourth", third_tdes, begin, PAYHSM_OK, KEEPS),
    RUN("DUKPT next, AES", loaded_aes, begin, PAYHSM_OK, KEEPS),
    RUN("DUKPT next, TDEA, storage fails", unsaved_tdes, begin, PAYHSM_ERR_STORAGE, KEEPS),
    RUN("DUKPT next, AES, storage fails", unsaved_aes, begin, PAYHSM_ERR_STORAGE, KEEPS),
    RUN("DUKPT, end of transaction", sale_tdes, end, PAYHSM_OK, 0),
    RUN("DUKPT, update of the initial key", update, dukpt_update, PAYHSM_OK, KEEPS),
    RUN("DUKPT, changed update", update_wrong, dukpt_update, WRONG, ALSO),
    RUN("PIN block 0, TDEA DUKPT", sale_tdes, pin_0, PAYHSM_OK, 0),
    FOR(LAST_BYTE, "PIN block 3, TDEA DUKPT", sale_tdes, pin_3, PAYHSM_OK, KEEPS),
    FOR(LAST_BYTE, "PIN block 4, AES DUKPT", sale_aes, pin_4, PAYHSM_OK, KEEPS),
    RUN("PIN block 3, no entropy", sale_tdes_no_entropy, pin_3, PAYHSM_ERR_ENTROPY, 0),
    RUN("PIN block 4, no entropy", sale_aes_no_entropy, pin_4, PAYHSM_ERR_ENTROPY, 0),
    RUN("PIN block 0, no room", sale_tdes, pin_no_room, PAYHSM_ERR_BUFFER_TOO_SMALL, 0),
    RUN("PIN block 0, no PIN", pin_bad, pin_0, PAYHSM_ERR_INVALID_PIN, 0),
    RUN("PIN block 0, a second PIN", pin_twice, pin_0, PAYHSM_ERR_LIMIT_REACHED, ALSO),
    RUN("PIN block 0, key of a slot", slot_pin_tdes, pin_0, PAYHSM_OK, FLIPS),
    RUN("PIN for the card, in clear", slot_retail, plaintext_pin, PAYHSM_OK, 0),
    RUN("MAC X9.19, DUKPT", sale_tdes, mac_x9_19, PAYHSM_OK, 0),
    RUN("MAC CMAC, AES DUKPT", sale_aes, mac_cmac, PAYHSM_OK, 0),
    RUN("MAC X9.19 verify, DUKPT", answered_tdes, verify_x9_19, PAYHSM_OK, 0),
    RUN("MAC CMAC verify, AES DUKPT", answered_aes, verify_cmac, PAYHSM_OK, 0),
    RUN("MAC X9.19 verify, wrong MAC", answered_tdes_wrong, verify_x9_19, WRONG, HOSTILE),
    RUN("MAC CMAC verify, wrong MAC", answered_aes_wrong, verify_cmac, WRONG, HOSTILE),
    RUN("MAC in parts, begin", answered_tdes, mac_begin, PAYHSM_OK, KEEPS),
    RUN("MAC in parts, message", parts, mac_update, PAYHSM_OK, KEEPS),
    RUN("MAC in parts, verify", parts_all, mac_end, PAYHSM_OK, 0),
    RUN("MAC in parts, wrong MAC", parts_wrong, mac_end, WRONG, HOSTILE),
    RUN("MAC algorithm 3 padding 2, slot", slot_retail, mac_pad2, PAYHSM_OK, FLIPS),
    RUN("MAC CMAC, TDEA slot", slot_cmac_tdes, mac_cmac_8, PAYHSM_OK, 0),
    RUN("MAC CMAC, AES-256 slot", slot_cmac_aes, mac_cmac_16, PAYHSM_OK, FLIPS),
    RUN("MAC HMAC-SHA-256, AES DUKPT", sale_hmac, mac_sha256, PAYHSM_OK, 0),
    RUN("MAC of UnionPay", slot_unionpay, mac_unionpay, PAYHSM_OK, 0),
    RUN("data CBC, TDEA DUKPT", sale_tdes, encipher_8, PAYHSM_OK, 0),
    RUN("data CBC, AES DUKPT", sale_aes, encipher_16, PAYHSM_OK, 0),
    RUN("data CBC back, TDEA DUKPT", sale_tdes, decipher_8, PAYHSM_OK, 0),
    RUN("data CBC back, AES DUKPT", sale_aes, decipher_16, PAYHSM_OK, 0),
    RUN("data ECB, TDEA", slot_data_tdes, ecb, PAYHSM_OK, FLIPS),
    RUN("data ECB back, AES-256", slot_data_aes, ecb_back, PAYHSM_OK, 0),
    RUN("data CTR, AES-256", slot_data_aes, ctr, PAYHSM_OK, FLIPS),
    RUN("track 2 of UnionPay", slot_data_tdes, track, PAYHSM_OK, 0),
    RUN("check value of a key", checked_key, key_check, PAYHSM_OK, 0),
    RUN("check value of a key, wrong", checked_key_wrong, key_check, WRONG, ALSO),
    RUN("key erased", erasable, key_erase, PAYHSM_OK, 0),
};
const size_t TERMINAL_COUNT = LENGTH(TERMINAL);
