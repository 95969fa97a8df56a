/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a host and an issuer do with secrets. */
#include <string.h>

#include "proof.h"

static const uint8_t PAN[] = "1122334455667788";
static const uint8_t ID_TDES[] = {0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0x00, 0x01};
static const uint8_t ID_AES[] = {0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56, 0x00, 0x00, 0x00, 0x01};
static const uint8_t IV[16] = {1, 2, 3, 4, 5, 6, 7, 8};
static const payhsm_pin_profile_t PROFILE = {
    sizeof PROFILE, {'1', '2', '3', '4', '5', '6', '7', '8', '9', '0', '1', '2', '3', '4', '5', '6'}, 0, 16, 15, 16, 4, 0, {0, 0}};

enum { POLICY = PAYHSM_POLICY_RAW_CRYPTOGRAM | PAYHSM_POLICY_EXPLAIN_CRYPTOGRAM | PAYHSM_POLICY_TRIVIAL_PINS };

#define CTX host.ctx
#define GIVEN out.bytes, sizeof out.bytes, &out.len
#define FORMAT PAYHSM_PIN_FORMAT_0

static void bdk_tdes(void) {
    restart(0);
    key = enter(&host, "B0", 'T', 'X', 'N', 2, 16);
}
static void bdk_aes(void) {
    restart(0);
    key = enter(&host, "B0", 'A', 'X', 'N', 10, 32);
}
static void bdk_export(void) {
    bdk_tdes();
    kbpk = enter(&host, "K1", 'A', 'E', 'N', 8, 32);
}
static payhsm_status_t derive_tdes(void) { return payhsm_dukpt_derive(CTX, key, ID_TDES, 10, &out.handle); }
static payhsm_status_t derive_aes(void) { return payhsm_dukpt_derive(CTX, key, ID_AES, 12, &out.handle); }
static payhsm_status_t export_initial(void) {
    static const uint8_t id[10] = {0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0x00, 0x00};
    return payhsm_dukpt_export_initial_key(CTX, key, id, 10, kbpk, GIVEN, out.more);
}

/* A PIN block from the terminal, under a key that both have; `digits` replaces the secret PIN where its length must be 4. */
static void blocks(char algorithm, uint32_t format, int four) {
    restart(POLICY);
    sale = enter(&terminal, "P0", algorithm, 'E', 'N', algorithm == 'T' ? 1 : 9, 16);
    in.pin = SECRETS->pins[0].pin;
    if (four) {
        in.pin.len = 4;
        memset(in.pin.digits + 4, 0, 8);
    }
    must(payhsm_pin_encipher(terminal.ctx, sale, format, PAN, 16, &in.pin, in.block, BLOCK, &in.len));
    key = enter(&host, "P0", algorithm, 'D', 'N', algorithm == 'T' ? 1 : 9, 16);
}
static void translatable_tdes(void) {
    blocks('T', PAYHSM_PIN_FORMAT_0, 0);
    second = enter(&host, "P0", 'T', 'E', 'N', 2, 16);
}
static void translatable_aes(void) {
    blocks('A', PAYHSM_PIN_FORMAT_4, 0);
    second = enter(&host, "P0", 'A', 'E', 'N', 10, 16);
}
static void translatable_wrong(void) {
    translatable_tdes();
    in.block[2] ^= 0x20;
}
static payhsm_status_t translate_3(void) {
    return payhsm_pin_translate(CTX, key, FORMAT, PAN, 16, in.block, 8, second, PAYHSM_PIN_FORMAT_3, GIVEN);
}
static payhsm_status_t translate_4(void) {
    return payhsm_pin_translate(CTX, key, PAYHSM_PIN_FORMAT_4, PAN, 16, in.block, 16, second, PAYHSM_PIN_FORMAT_4, GIVEN);
}

static void visa(void) {
    blocks('T', FORMAT, 0);
    second = enter(&host, "V2", 'T', 'C', 'N', 3, 16);
}
static payhsm_status_t pvv_generate(void) {
    return payhsm_pvv_generate(CTX, key, FORMAT, PAN, 16, in.block, 8, second, 1, out.bytes);
}
static void visa_known(void) {
    visa();
    must(payhsm_pvv_generate(CTX, key, FORMAT, PAN, 16, in.block, 8, second, 1, in.bytes));
}
static void visa_wrong(void) {
    visa_known();
    other_digits(in.bytes, 4);
}
static void visa_garbage(void) {
    visa_known();
    in.block[1] ^= 0x11;
}
static payhsm_status_t pvv_verify(void) {
    return payhsm_pin_verify_pvv(CTX, key, FORMAT, PAN, 16, in.block, 8, second, 1, in.bytes);
}
static void visa_change(void) {
    visa_known();
    in.pin = SECRETS->pins[1].pin;
    must(payhsm_pin_encipher(terminal.ctx, sale, FORMAT, PAN, 16, &in.pin, in.block + 16, 8, &in.len));
}
static payhsm_status_t pvv_change(void) {
    return payhsm_pin_change_pvv(CTX, key, key, second, FORMAT, FORMAT, 1, PAN, 16, in.block, 8, in.block + 16, 8, in.bytes,
                                 out.bytes);
}
static void visa_change_wrong(void) {
    visa_change();
    other_digits(in.bytes, 4);
}
static void visa_new(void) {
    restart(POLICY);
    key = enter(&host, "P0", 'T', 'E', 'N', 2, 16);
    second = enter(&host, "V2", 'T', 'C', 'N', 3, 16);
}
static payhsm_status_t pvv_new(void) {
    return payhsm_pin_generate_pvv(CTX, key, second, 6, FORMAT, 1, PAN, 16, GIVEN, out.more);
}

static void ibm(void) {
    blocks('T', FORMAT, 1);
    second = enter(&host, "V1", 'T', 'C', 'N', 4, 16);
    must(payhsm_pin_profile_register(CTX, &PROFILE, &third));
}
static payhsm_status_t offset_generate(void) {
    return payhsm_pin_offset_generate(CTX, key, FORMAT, PAN, 16, in.block, 8, second, third, GIVEN);
}
static void ibm_known(void) {
    ibm();
    must(payhsm_pin_offset_generate(CTX, key, FORMAT, PAN, 16, in.block, 8, second, third, in.bytes, BLOCK, &in.bytes_len));
}
static void ibm_wrong(void) {
    ibm_known();
    other_digits(in.bytes, in.bytes_len);
}
static payhsm_status_t offset_verify(void) {
    return payhsm_pin_verify_3624(CTX, key, FORMAT, PAN, 16, in.block, 8, second, third, in.bytes, in.bytes_len);
}
static void ibm_new(void) {
    restart(POLICY);
    key = enter(&host, "P0", 'T', 'E', 'N', 2, 16);
    second = enter(&host, "V1", 'T', 'C', 'N', 4, 16);
    must(payhsm_pin_profile_register(CTX, &PROFILE, &third));
}
static payhsm_status_t natural(void) {
    return payhsm_pin_derive_3624(CTX, key, second, FORMAT, third, PAN, 16, (const uint8_t *)"0000", 4, GIVEN);
}

static void cvk(void) {
    restart(0);
    key = enter(&host, "C0", 'T', 'C', 'N', 5, 16);
}
static payhsm_status_t cvv(void) {
    return payhsm_cvv_generate(CTX, key, PAYHSM_CVV_STRIPE, 101, PAN, 16, (const uint8_t *)"2912", 3, GIVEN);
}
static void cvk_known(void) {
    cvk();
    must(payhsm_cvv_generate(CTX, key, PAYHSM_CVV_STRIPE, 101, PAN, 16, (const uint8_t *)"2912", 3, in.bytes, 3, &in.len));
}
static void cvk_wrong(void) {
    cvk_known();
    other_digits(in.bytes, 3);
}
static payhsm_status_t cvv_verify(void) {
    return payhsm_cvv_verify(CTX, key, PAYHSM_CVV_STRIPE, 101, PAN, 16, (const uint8_t *)"2912", in.bytes, 3);
}
static void imk_dcvc3(void) {
    restart(0);
    key = enter(&host, "E4", 'T', 'X', 'N', 5, 16);
}
static payhsm_status_t cvc3(void) {
    static const uint8_t un[4] = {0, 0, 8, 0x99};
    return payhsm_cvc3_verify(CTX, key, PAYHSM_MASTER_KEY_A, PAN, 16, 0, PAN, 16, un, 0x5E, (const uint8_t *)"29488", 5);
}

/* --- cryptograms -------------------------------------------------------------------------------------------------- */

static const payhsm_raw_cryptogram_t RAW = {
    sizeof RAW, PAYHSM_MASTER_KEY_A, PAYHSM_SESSION_KEY_COMMON, 2, 1, PAYHSM_ARPC_KEY_SESSION, 0, 0x1C, PAYHSM_CRYPTOGRAM_ARQC,
    {0x52, 0xBF, 0x45, 0x85}, {0x29, 0xCC, 0xA1, 0x5A, 0xE6, 0x65, 0xFA, 0x2E}};
static const uint8_t DATA[29] = {0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 0x24, 0x80};
static const uint8_t FIELD55[] = {
    0x9F, 0x02, 6, 0, 0, 0, 0, 0x40, 0, 0x9F, 0x03, 6, 0, 0, 0, 0, 0, 0, 0x9F, 0x1A, 2, 1, 0x24, 0x95, 5, 0, 0, 4, 0x80, 0,
    0x5F, 0x2A, 2, 1, 0x24, 0x9A, 3, 0x19, 0x11, 0x05, 0x9C, 1, 1, 0x9F, 0x37, 4, 0x52, 0xBF, 0x45, 0x85, 0x82, 2, 0x18, 0,
    0x9F, 0x36, 2, 0, 0x1C, 0x9F, 0x10, 7, 6, 1, 0x0A, 3, 0xA0, 0x60, 0x10, 0x9F, 0x26, 8, 0x29, 0xCC, 0xA1, 0x5A, 0xE6, 0x65,
    0xFA, 0x2E, 0x9F, 0x27, 1, 0x80};
static void imk(void) {
    restart(POLICY);
    key = enter(&host, "E0", 'T', 'X', 'N', 6, 16);
}
static payhsm_status_t arqc(void) {
    return payhsm_arqc_verify(CTX, key, PAYHSM_SCHEME_VISA, 10, PAN, 16, 0, FIELD55, sizeof FIELD55, (const uint8_t *)"00", 2,
                              out.bytes, 16, &out.len);
}
static payhsm_status_t arqc_raw(void) {
    return payhsm_arqc_verify_raw(CTX, key, &RAW, PAN, 16, DATA, sizeof DATA, (const uint8_t *)"00", 2, out.bytes, 16, &out.len);
}
static const payhsm_script_target_t TARGET = {sizeof TARGET, PAYHSM_SCHEME_VISA, 10, 0, 0x1C, 0,
                                              {0x29, 0xCC, 0xA1, 0x5A, 0xE6, 0x65, 0xFA, 0x2E}};
static void scripts(void) {
    blocks('T', FORMAT, 0);
    sale = enter(&host, "E0", 'T', 'X', 'N', 6, 16);
    second = enter(&host, "E2", 'T', 'X', 'N', 7, 16);
    third = enter(&host, "E1", 'T', 'X', 'N', 5, 16);
}
static payhsm_status_t script(void) {
    return payhsm_script_command(CTX, second, 0, &TARGET, PAN, 16, PAYHSM_SCRIPT_APPLICATION_UNBLOCK, 0, NULL, 0, out.bytes,
                                 sizeof out.bytes, &out.len);
}
static payhsm_status_t script_pin(void) {
    return payhsm_script_pin_change(CTX, second, third, sale, &TARGET, PAN, 16, key, FORMAT, in.block, 8, 0, 0, NULL, 0,
                                    out.bytes, sizeof out.bytes, &out.len);
}

/* --- between keys ------------------------------------------------------------------------------------------------- */

static void macs(void) {
    restart(0);
    key = enter(&host, "M3", 'T', 'C', 'N', 1, 16);
    second = enter(&host, "M6", 'A', 'C', 'N', 9, 16);
    must(payhsm_mac_generate(CTX, key, PAYHSM_MAC_X9_19, PAN, 16, 8, in.block, BLOCK, &in.len));
}
static void macs_wrong(void) {
    macs();
    other_bytes(in.block, in.len);
}
static payhsm_status_t mac_translate(void) {
    return payhsm_mac_translate(CTX, key, PAYHSM_MAC_X9_19, PAN, 16, in.block, 8, second, PAYHSM_MAC_CMAC, 16, GIVEN);
}
static void data(void) {
    restart(0);
    key = enter(&host, "D0", 'T', 'B', 'N', 1, 16);
    second = enter(&host, "D0", 'A', 'B', 'N', 9, 16);
}
static payhsm_status_t reencipher(void) {
    return payhsm_data_reencipher(CTX, key, IV, 8, PAN, 16, second, IV, 16, GIVEN);
}
static void wrapped(void) {
    restart(0);
    kbpk = enter(&host, "K1", 'A', 'B', 'N', 8, 32);
    second = enter(&host, "K1", 'A', 'B', 'N', 10, 32);
    key = enter(&host, "M6", 'A', 'C', 'E', 9, 16);
    must(payhsm_key_export(CTX, kbpk, key, in.block, BLOCK, &in.len));
}
static payhsm_status_t wrap(void) { return payhsm_key_export(CTX, kbpk, key, GIVEN); }
static payhsm_status_t key_translate(void) {
    static const payhsm_export_t asked = {sizeof asked, 0, 0, 0, 0, 0};
    return payhsm_key_translate(CTX, kbpk, PAYHSM_PROFILE_X9_143_STRICT, in.block, in.len, second, &asked, NULL, 0, GIVEN);
}
static payhsm_status_t generate(void) {
    static const payhsm_key_attributes_t attributes = {{'D', '0'}, 'A', 'B', {'0', '0'}, 'E', 0};
    return payhsm_key_generate(CTX, &attributes, 32, &out.handle, &out.info);
}
static payhsm_status_t generate_tdes(void) {
    static const payhsm_key_attributes_t attributes = {{'D', '0'}, 'T', 'B', {'0', '0'}, 'E', 0};
    return payhsm_key_generate(CTX, &attributes, 24, &out.handle, &out.info);
}

/* Working keys by ECB: the check value comes from the same key as a data key of the other module. */
static void working(void) {
    static const uint8_t ZERO[8];
    restart(PAYHSM_POLICY_LEGACY_IMPORT | PAYHSM_POLICY_ECB_DATA);
    key = enter(&host, "K0", 'T', 'D', 'N', 1, 16);
    second = enter(&terminal, "D0", 'T', 'B', 'N', 1, 16);
    third = enter(&terminal, "D0", 'T', 'B', 'N', 2, 16);
    must(payhsm_data_ecb_encipher(terminal.ctx, second, SECRETS->keys[2], 16, in.block, BLOCK, &in.len));
    must(payhsm_data_ecb_encipher(terminal.ctx, third, ZERO, 8, in.bytes, BLOCK, &in.len));
}
static void working_wrong(void) {
    working();
    other_bytes(in.bytes, 3);
}
static payhsm_status_t working_import(void) {
    static const payhsm_key_attributes_t attributes = {{'P', '0'}, 'T', 'E', {'0', '0'}, 'N', 0};
    return payhsm_working_key_import(CTX, key, &attributes, in.block, 16, in.bytes, 3, &out.handle, &out.info);
}

const struct operation HOST[] = {
    RUN("host: derivation, TDEA", bdk_tdes, derive_tdes, PAYHSM_OK, KEEPS),
    RUN("host: derivation, AES", bdk_aes, derive_aes, PAYHSM_OK, KEEPS),
    FOR(LAST_BYTE, "host: initial key leaves", bdk_export, export_initial, PAYHSM_OK, KEEPS),
    FOR(LAST_BYTE, "PIN translated, 0 to 3", translatable_tdes, translate_3, PAYHSM_OK, KEEPS | FLIPS),
    FOR(LAST_BYTE, "PIN translated, 4 to 4", translatable_aes, translate_4, PAYHSM_OK, KEEPS),
    FOR("keeps an event with the card's fingerprint", "PIN translated, no PIN inside", translatable_wrong, translate_3, WRONG,
        ALSO | KEEPS),
    RUN("PVV", visa, pvv_generate, PAYHSM_OK, FLIPS),
    RUN("PIN verified by PVV", visa_known, pvv_verify, PAYHSM_OK, 0),
    RUN("PIN verified by PVV, wrong", visa_wrong, pvv_verify, WRONG, HOSTILE),
    RUN("PIN verified by PVV, no PIN inside", visa_garbage, pvv_verify, WRONG, ALSO),
    RUN("PIN changed, PVV", visa_change, pvv_change, PAYHSM_OK, 0),
    RUN("PIN changed, PVV, wrong", visa_change_wrong, pvv_change, WRONG, ALSO),
    FOR("a PIN is drawn until it is one; " LAST_BYTE, "new PIN, PVV", visa_new, pvv_new, PAYHSM_OK, KEEPS | REVEALS),
    RUN("offset of IBM 3624", ibm, offset_generate, PAYHSM_OK, 0),
    RUN("PIN verified by IBM 3624", ibm_known, offset_verify, PAYHSM_OK, 0),
    RUN("PIN verified by IBM 3624, wrong", ibm_wrong, offset_verify, WRONG, ALSO),
    RUN("natural PIN of IBM 3624", ibm_new, natural, PAYHSM_OK, 0),
    RUN("CVV", cvk, cvv, PAYHSM_OK, FLIPS),
    RUN("CVV verified", cvk_known, cvv_verify, PAYHSM_OK, 0),
    RUN("CVV verified, wrong", cvk_wrong, cvv_verify, WRONG, HOSTILE),
    RUN("CVC3 verified, wrong", imk_dcvc3, cvc3, WRONG, ALSO),
    RUN("ARQC verified, wrong, Visa CVN 10", imk, arqc, WRONG, HOSTILE),
    RUN("ARQC verified, wrong, session key", imk, arqc_raw, WRONG, HOSTILE),
    RUN("script command", scripts, script, PAYHSM_OK, FLIPS),
    RUN("script with a new PIN", scripts, script_pin, PAYHSM_OK, 0),
    RUN("MAC translated", macs, mac_translate, PAYHSM_OK, FLIPS),
    RUN("MAC translated, wrong", macs_wrong, mac_translate, WRONG, ALSO),
    RUN("data enciphered again", data, reencipher, PAYHSM_OK, FLIPS),
    RUN("key block D, wrap", wrapped, wrap, PAYHSM_OK, FLIPS),
    RUN("key block D, translated", wrapped, key_translate, PAYHSM_OK, 0),
    RUN("key made, AES-256", wrapped, generate, PAYHSM_OK, KEEPS),
    RUN("key made, TDEA", wrapped, generate_tdes, PAYHSM_OK, KEEPS),
    RUN("working key by ECB", working, working_import, PAYHSM_OK, KEEPS),
    RUN("working key by ECB, wrong check value", working_wrong, working_import, WRONG, ALSO),
};
const size_t HOST_COUNT = LENGTH(HOST);
