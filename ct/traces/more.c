/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What only a host's archive has (batches), and what firmware/proof leaves out. */
#include <stdio.h>
#include <string.h>

#include "more.h"

static const uint8_t PAN[] = "4012345678909", LONG_PAN[] = "1122334455667788", MESSAGE[] = "4012345678909D987";
static const uint8_t ID_TDES[] = {0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0x00, 0x00};
static const uint8_t ID_AES[] = {0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56};
static const uint8_t FIELD55[] = {
    0x9F, 0x02, 6, 0, 0, 0, 0, 0x40, 0, 0x9F, 0x03, 6, 0, 0, 0, 0, 0, 0, 0x9F, 0x1A, 2, 1, 0x24, 0x95, 5, 0, 0, 4, 0x80, 0,
    0x5F, 0x2A, 2, 1, 0x24, 0x9A, 3, 0x19, 0x11, 0x05, 0x9C, 1, 1, 0x9F, 0x37, 4, 0x52, 0xBF, 0x45, 0x85, 0x82, 2, 0x18, 0,
    0x9F, 0x36, 2, 0, 0x1C, 0x9F, 0x10, 7, 6, 1, 0x0A, 3, 0xA0, 0x60, 0x10, 0x9F, 0x26, 8, 0x29, 0xCC, 0xA1, 0x5A, 0xE6, 0x65,
    0xFA, 0x2E, 0x9F, 0x27, 1, 0x80};
static const uint8_t HOST_ID[] = "host", TERMINAL_ID[] = "terminal";

#define CTX host.ctx
#define FORMAT PAYHSM_PIN_FORMAT_0
#define GIVEN out.bytes, sizeof out.bytes, &out.len
enum { POLICY = PAYHSM_POLICY_EXPLAIN_CRYPTOGRAM | PAYHSM_POLICY_TRIVIAL_PINS | PAYHSM_POLICY_UNAUTHENTICATED_AGREEMENT |
                PAYHSM_POLICY_LEGACY_IMPORT | PAYHSM_POLICY_UNIONPAY | PAYHSM_POLICY_OFFLINE_PIN };

/* --- many jobs at once: so many that they are sliced, and so few that they are not ---------------------------------- */

enum { MANY = 70, FEW = 3 };
static payhsm_status_t statuses[MANY];

/* A batch is done if every second job fails, and only those. */
static payhsm_status_t halves(payhsm_status_t whole, size_t count) {
    for (size_t i = 0; i < count && whole == PAYHSM_OK; i++) {
        if (statuses[i] != (i % 2 == 0 ? PAYHSM_OK : WRONG)) {
            return PAYHSM_ERR_INTERNAL;
        }
    }
    return whole;
}

/* A terminal's transaction under DUKPT, and the host's key for it. */
static void transaction(char algorithm) {
    restart(POLICY);
    key = enter(&host, "B0", algorithm, 'X', 'N', algorithm == 'T' ? 2 : 10, 16);
    kbpk = enter(&host, "K1", 'A', 'E', 'N', 8, 32);
    must(payhsm_dukpt_export_initial_key(CTX, key, algorithm == 'T' ? ID_TDES : ID_AES, algorithm == 'T' ? 10 : 8, kbpk,
                                         in.block, BLOCK, &in.len, in.bytes));
    kbpk = enter(&terminal, "K1", 'A', 'D', 'N', 8, 32);
    must(payhsm_dukpt_load(terminal.ctx, kbpk, PAYHSM_PROFILE_X9_143_STRICT, in.block, in.len, &group, &out.initial));
    must(payhsm_dukpt_begin(terminal.ctx, group, &sale, in.bytes, PAYHSM_KSN_MAX_LEN, &in.bytes_len));
    memset(&out, 0, sizeof out);
}

static payhsm_batch_pin_verify_t verify_jobs[MANY];
static payhsm_batch_pin_translate_t translate_jobs[MANY];
static payhsm_batch_pin_block_t blocks[MANY];
static payhsm_batch_mac_verify_t mac_jobs[MANY];
static payhsm_batch_cvv_verify_t cvv_jobs[MANY];
static payhsm_batch_arqc_verify_t arqc_jobs[MANY];
static payhsm_batch_issuer_auth_t answers[MANY];

static void pins(char algorithm, uint32_t format) {
    const size_t len = algorithm == 'T' ? 8 : 16;
    uint8_t pvv[4];
    transaction(algorithm);
    in.pin = SECRETS->pins[0].pin;
    must(payhsm_pin_encipher(terminal.ctx, sale, format, PAN, 13, &in.pin, in.block, BLOCK, &in.len));
    second = enter(&host, "V2", 'T', 'C', 'N', 3, 16);
    third = enter(&host, "P0", algorithm, 'E', 'N', algorithm == 'T' ? 4 : 9, 16);
    must(payhsm_dukpt_derive(CTX, key, in.bytes, in.bytes_len, &message));
    must(payhsm_pvv_generate(CTX, message, format, PAN, 13, in.block, len, second, 1, pvv));
    memset(verify_jobs, 0, sizeof verify_jobs);
    memset(translate_jobs, 0, sizeof translate_jobs);
    memset(blocks, 0, sizeof blocks);
    for (size_t i = 0; i < MANY; i++) {
        payhsm_batch_pin_verify_t *verify = &verify_jobs[i];
        payhsm_batch_pin_translate_t *translate = &translate_jobs[i];
        verify->size = sizeof *verify;
        translate->size = sizeof *translate;
        verify->bdk = translate->bdk = key;
        verify->format = translate->format_in = translate->format_out = format;
        verify->pvk = second;
        verify->pvki = 1;
        translate->output_key = third;
        verify->ksn_len = translate->ksn_len = (uint32_t)in.bytes_len;
        verify->pan_len = translate->pan_len = 13;
        verify->block_len = translate->block_len = (uint32_t)len;
        memcpy(verify->ksn, in.bytes, in.bytes_len);
        memcpy(translate->ksn, in.bytes, in.bytes_len);
        memcpy(verify->pan, PAN, 13);
        memcpy(translate->pan, PAN, 13);
        memcpy(verify->block, in.block, len);
        memcpy(translate->block, in.block, len);
        memcpy(verify->pvv, pvv, 4);
        if (i % 2 == 1) {
            other_digits(verify->pvv, 4);
            /* Each block is another: one block has three wrong tries. */
            translate->block[1] ^= 0x11;
            translate->block[2] ^= (uint8_t)i;
        }
    }
}
static void pins_tdes(void) { pins('T', FORMAT); }
static void pins_aes(void) { pins('A', PAYHSM_PIN_FORMAT_4); }
static payhsm_status_t verify(size_t count) {
    return halves(payhsm_batch_pin_verify_pvv(CTX, verify_jobs, count, statuses), count);
}
static payhsm_status_t translate(size_t count) {
    return halves(payhsm_batch_pin_translate(CTX, translate_jobs, count, blocks, statuses), count);
}
static payhsm_status_t verify_many(void) { return verify(MANY); }
static payhsm_status_t verify_few(void) { return verify(FEW); }
static payhsm_status_t translate_many(void) { return translate(MANY); }
static payhsm_status_t translate_few(void) { return translate(FEW); }

static void macs(char algorithm, uint32_t method, size_t len) {
    transaction(algorithm);
    must(payhsm_mac_generate(terminal.ctx, sale, method, MESSAGE, 17, len, in.block, BLOCK, &in.len));
    memset(mac_jobs, 0, sizeof mac_jobs);
    for (size_t i = 0; i < MANY; i++) {
        payhsm_batch_mac_verify_t *job = &mac_jobs[i];
        job->size = sizeof *job;
        job->bdk = key;
        job->mac_method = method;
        job->data_len = 17;
        job->ksn_len = (uint32_t)in.bytes_len;
        job->mac_len = (uint32_t)len;
        memcpy(job->ksn, in.bytes, in.bytes_len);
        memcpy(job->mac, in.block, len);
        if (i % 2 == 1) {
            other_bytes(job->mac, len);
        }
    }
}
static void macs_tdes(void) { macs('T', PAYHSM_MAC_X9_19, 8); }
static void macs_aes(void) { macs('A', PAYHSM_MAC_CMAC, 16); }
static payhsm_status_t macs_of(size_t count) {
    return halves(payhsm_batch_mac_verify(CTX, mac_jobs, count, MESSAGE, 17, statuses), count);
}
static payhsm_status_t macs_many(void) { return macs_of(MANY); }
static payhsm_status_t macs_few(void) { return macs_of(FEW); }

static void values(void) {
    restart(POLICY);
    key = enter(&host, "C0", 'T', 'C', 'N', 5, 16);
    must(payhsm_cvv_generate(CTX, key, PAYHSM_CVV_STRIPE, 101, LONG_PAN, 16, (const uint8_t *)"2912", 3, in.bytes, 3, &in.len));
    memset(cvv_jobs, 0, sizeof cvv_jobs);
    for (size_t i = 0; i < MANY; i++) {
        payhsm_batch_cvv_verify_t *job = &cvv_jobs[i];
        job->size = sizeof *job;
        job->cvk = key;
        job->kind = PAYHSM_CVV_STRIPE;
        job->service_code = 101;
        job->pan_len = 16;
        job->value_len = 3;
        memcpy(job->pan, LONG_PAN, 16);
        memcpy(job->expiry, "2912", 4);
        memcpy(job->value, in.bytes, 3);
        if (i % 2 == 1) {
            other_digits(job->value, 3);
        }
    }
}
static payhsm_status_t values_many(void) { return halves(payhsm_batch_cvv_verify(CTX, cvv_jobs, MANY, statuses), MANY); }

/* All of them wrong: nothing in the module makes a cryptogram. */
static void cryptograms(void) {
    restart(POLICY);
    key = enter(&host, "E0", 'T', 'X', 'N', 6, 16);
    memset(arqc_jobs, 0, sizeof arqc_jobs);
    for (size_t i = 0; i < MANY; i++) {
        payhsm_batch_arqc_verify_t *job = &arqc_jobs[i];
        job->size = sizeof *job;
        job->imk = key;
        job->scheme = PAYHSM_SCHEME_VISA;
        job->cvn = 10;
        job->pan_len = 16;
        job->field55_len = sizeof FIELD55;
        job->answer_len = 2;
        memcpy(job->pan, LONG_PAN, 16);
        memcpy(job->answer, "00", 2);
        memcpy(job->field55, FIELD55, sizeof FIELD55);
    }
}
static payhsm_status_t cryptograms_many(void) {
    payhsm_status_t whole = payhsm_batch_arqc_verify(CTX, arqc_jobs, MANY, answers, statuses);
    for (size_t i = 0; i < MANY && whole == PAYHSM_OK; i++) {
        whole = statuses[i] == WRONG ? PAYHSM_OK : PAYHSM_ERR_INTERNAL;
    }
    return whole;
}
static payhsm_status_t explain(void) {
    return payhsm_arqc_explain(CTX, key, PAYHSM_SCHEME_VISA, 10, LONG_PAN, 16, 0, FIELD55, sizeof FIELD55, GIVEN);
}

static payhsm_batch_key_t imported[4];
static payhsm_batch_key_import_t import_jobs[4];
static void key_blocks(void) {
    restart(POLICY);
    kbpk = enter(&host, "K1", 'A', 'E', 'N', 8, 32);
    key = enter(&host, "D0", 'A', 'B', 'E', 9, 16);
    must(payhsm_key_export(CTX, kbpk, key, in.block, BLOCK / 2, &in.len));
    memcpy(in.block + in.len, in.block, in.len);
    other_characters(in.block + 2 * in.len - 32, 32);
    kbpk = enter(&terminal, "K1", 'A', 'D', 'N', 8, 32);
    memset(import_jobs, 0, sizeof import_jobs);
    for (size_t i = 0; i < 4; i++) {
        import_jobs[i].size = sizeof import_jobs[i];
        import_jobs[i].kbpk = kbpk;
        import_jobs[i].profile = PAYHSM_PROFILE_X9_143_STRICT;
        import_jobs[i].block_offset = i % 2 == 0 ? 0 : (uint32_t)in.len;
        import_jobs[i].block_len = (uint32_t)in.len;
    }
}
static payhsm_status_t key_blocks_four(void) {
    return halves(payhsm_batch_key_import(terminal.ctx, import_jobs, 4, in.block, 2 * in.len, imported, statuses), 4);
}

/* --- PINs ----------------------------------------------------------------------------------------------------------- */

static const payhsm_pin_profile_t PROFILE = {
    sizeof PROFILE, {'1', '2', '3', '4', '5', '6', '7', '8', '9', '0', '1', '2', '3', '4', '5', '6'}, 0, 16, 15, 16, 4, 0, {0, 0}};

static void block_of(unsigned pin, uint8_t *to) {
    size_t len;
    in.pin = SECRETS->pins[pin].pin;
    in.pin.len = 4;
    memset(in.pin.digits + 4, 0, 8);
    must(payhsm_pin_encipher(terminal.ctx, sale, FORMAT, LONG_PAN, 16, &in.pin, to, 8, &len));
}
static void offsets(void) {
    restart(POLICY);
    sale = enter(&terminal, "P0", 'T', 'E', 'N', 1, 16);
    key = enter(&host, "P0", 'T', 'D', 'N', 1, 16);
    second = enter(&host, "V1", 'T', 'C', 'N', 4, 16);
    group = enter(&host, "P0", 'T', 'E', 'N', 2, 16);
    must(payhsm_pin_profile_register(CTX, &PROFILE, &third));
    block_of(0, in.block);
    block_of(1, in.block + 8);
    must(payhsm_pin_offset_generate(CTX, key, FORMAT, LONG_PAN, 16, in.block, 8, second, third, in.bytes, BLOCK, &in.bytes_len));
}
static payhsm_status_t offset_change(void) {
    return payhsm_pin_change_3624(CTX, key, key, second, FORMAT, FORMAT, third, LONG_PAN, 16, in.block, 8, in.block + 8, 8,
                                  in.bytes, in.bytes_len, GIVEN);
}
static payhsm_status_t offset_new(void) {
    return payhsm_pin_generate_3624(CTX, group, second, FORMAT, third, LONG_PAN, 16, GIVEN, out.more);
}
static payhsm_status_t two_pans(void) {
    return payhsm_pin_translate_pans(CTX, key, FORMAT, LONG_PAN, 16, in.block, 8, group, FORMAT, LONG_PAN, 16, GIVEN);
}

/* --- UnionPay ------------------------------------------------------------------------------------------------------- */

static void track(void) {
    restart(POLICY);
    key = enter(&host, "D0", 'T', 'B', 'N', 1, 16);
    must(payhsm_track2_encipher(CTX, key, (const uint8_t *)"1234567890123456789=0508201781999168302", 39, in.block, BLOCK,
                                &in.len));
}
static payhsm_status_t track_back(void) { return payhsm_track2_decipher(CTX, key, in.block, in.len, 39, GIVEN); }

/* --- agreements by signatures, and without any ---------------------------------------------------------------------- */

static uint8_t host_public[PAYHSM_EC_PUBLIC_LEN], terminal_public[PAYHSM_EC_PUBLIC_LEN];
static payhsm_status_t pair(void) {
    static const payhsm_key_attributes_t attributes = {{'S', '0'}, 'E', 'S', {'0', '0'}, 'N', 0};
    return payhsm_key_generate(CTX, &attributes, 32, &out.handle, &out.info);
}
static void nothing_yet(void) { restart(POLICY); }
static void pairs(void) {
    static const payhsm_key_attributes_t attributes = {{'S', '0'}, 'E', 'S', {'0', '0'}, 'N', 0};
    restart(POLICY);
    must(payhsm_key_generate(CTX, &attributes, 32, &key, &out.info));
    must(payhsm_key_generate(terminal.ctx, &attributes, 32, &second, &out.info));
    must(payhsm_key_public(CTX, key, host_public, sizeof host_public, &in.len));
    must(payhsm_key_public(terminal.ctx, second, terminal_public, sizeof terminal_public, &in.len));
    memset(&out, 0, sizeof out);
}
static payhsm_status_t public_of(void) { return payhsm_key_public(CTX, key, GIVEN); }
static payhsm_status_t signed_1(void) {
    return payhsm_agreement_begin_signed(CTX, key, HOST_ID, 4, TERMINAL_ID, 8, 16, in.block, BLOCK, &in.len);
}
static payhsm_status_t signed_2(void) {
    return payhsm_agreement_answer_signed(terminal.ctx, second, host_public, sizeof host_public, HOST_ID, 4, TERMINAL_ID, 8, 16,
                                          in.block, in.bytes, BLOCK, &in.bytes_len);
}
static payhsm_status_t signed_3(void) {
    return payhsm_agreement_confirm_signed(CTX, terminal_public, sizeof terminal_public, in.bytes, &out.handle, &out.info,
                                           in.block, BLOCK, &in.len);
}
static payhsm_status_t signed_4(void) {
    return payhsm_agreement_finish_signed(terminal.ctx, in.block, &out.other, &out.info);
}
static void before_2(void) {
    pairs();
    must(signed_1());
}
static void before_3(void) {
    before_2();
    must(signed_2());
}
static void before_4(void) {
    before_3();
    must(signed_3());
}
static payhsm_status_t bare_1(void) {
    return payhsm_agreement_unauthenticated_begin(CTX, host_public, sizeof host_public, &in.len);
}
static void bare_before_2(void) {
    restart(POLICY);
    must(bare_1());
    must(payhsm_agreement_unauthenticated_begin(terminal.ctx, terminal_public, sizeof terminal_public, &in.len));
}
static payhsm_status_t bare_2(void) {
    return payhsm_agreement_unauthenticated_finish(CTX, terminal_public, sizeof terminal_public, PAYHSM_KDF_ONE_STEP_SHA512,
                                                   MESSAGE, 5, 16, 'E', &out.handle, &out.info);
}

/* --- wrong in one place, which is a secret: what compares until something differs shows it --------------------------- */

static size_t place(size_t len) {
    uint8_t at = SECRETS->entropy[3000];
    PUBLIC(&at, 1);
    return at % len;
}
static void wrong_mac(const char *usage, char algorithm, uint32_t method, size_t len) {
    restart(POLICY);
    key = enter(&host, usage, algorithm, 'C', 'N', algorithm == 'T' ? 1 : 9, 16);
    must(payhsm_mac_generate(CTX, key, method, MESSAGE, 17, len, in.block, BLOCK, &in.len));
    in.block[place(len)] ^= 1;
}
static void wrong_retail(void) { wrong_mac("M3", 'T', PAYHSM_MAC_X9_19, 8); }
static void wrong_cmac(void) { wrong_mac("M6", 'A', PAYHSM_MAC_CMAC, 16); }
static payhsm_status_t retail(void) {
    return payhsm_mac_verify(CTX, key, PAYHSM_MAC_X9_19, MESSAGE, 17, in.block, in.len);
}
static payhsm_status_t cmac(void) { return payhsm_mac_verify(CTX, key, PAYHSM_MAC_CMAC, MESSAGE, 17, in.block, in.len); }
static void wrong_value(void) {
    values();
    other_digits(in.bytes + place(3), 1);
}
static payhsm_status_t value(void) {
    return payhsm_cvv_verify(CTX, key, PAYHSM_CVV_STRIPE, 101, LONG_PAN, 16, (const uint8_t *)"2912", in.bytes, 3);
}
static void wrong_pvv(void) {
    offsets();
    third = enter(&host, "V2", 'T', 'C', 'N', 3, 16);
    must(payhsm_pvv_generate(CTX, key, FORMAT, LONG_PAN, 16, in.block, 8, third, 1, in.bytes));
    other_digits(in.bytes + place(4), 1);
}
static payhsm_status_t pvv(void) {
    return payhsm_pin_verify_pvv(CTX, key, FORMAT, LONG_PAN, 16, in.block, 8, third, 1, in.bytes);
}
static void wrong_offset(void) {
    offsets();
    other_digits(in.bytes + place(4), 1);
}
static payhsm_status_t offset(void) {
    return payhsm_pin_verify_3624(CTX, key, FORMAT, LONG_PAN, 16, in.block, 8, second, third, in.bytes, in.bytes_len);
}
static void wrong_block(void) {
    key_blocks();
    other_characters(in.block + in.len - 32 + place(32), 1);
}
static payhsm_status_t block(void) {
    return payhsm_key_import(terminal.ctx, kbpk, PAYHSM_PROFILE_X9_143_STRICT, in.block, in.len, &out.handle, &out.info);
}
static void wrong_check_value(void) {
    payhsm_key_info_t info;
    restart(POLICY);
    key = enter(&host, "M6", 'A', 'C', 'E', 9, 16);
    must(payhsm_key_info(CTX, key, &info));
    memcpy(in.block, info.kcv, 5);
    in.block[place(5)] ^= 1;
}
static payhsm_status_t check_value(void) { return payhsm_key_check(CTX, key, PAYHSM_CHECK_CMAC, in.block, 5); }

const struct operation MORE[] = {
    RUN("MAC X9.19 verify, one byte wrong", wrong_retail, retail, WRONG, 0),
    RUN("MAC CMAC verify, one byte wrong", wrong_cmac, cmac, WRONG, 0),
    RUN("CVV verified, one digit wrong", wrong_value, value, WRONG, 0),
    RUN("PIN verified by PVV, one digit wrong", wrong_pvv, pvv, WRONG, 0),
    RUN("PIN verified by IBM 3624, one digit wrong", wrong_offset, offset, WRONG, 0),
    RUN("key block D, one character wrong", wrong_block, block, WRONG, 0),
    RUN("check value of a key, one byte wrong", wrong_check_value, check_value, WRONG, 0),
    RUN("batch: 70 PINs verified, TDEA DUKPT", pins_tdes, verify_many, PAYHSM_OK, 0),
    RUN("batch: 3 PINs verified, TDEA DUKPT", pins_tdes, verify_few, PAYHSM_OK, 0),
    RUN("batch: 70 PINs verified, AES DUKPT", pins_aes, verify_many, PAYHSM_OK, 0),
    RUN("batch: 70 PINs translated, TDEA DUKPT", pins_tdes, translate_many, PAYHSM_OK, 0),
    RUN("batch: 3 PINs translated, TDEA DUKPT", pins_tdes, translate_few, PAYHSM_OK, 0),
    RUN("batch: 70 PINs translated, AES DUKPT", pins_aes, translate_many, PAYHSM_OK, 0),
    RUN("batch: 70 MACs verified, TDEA DUKPT", macs_tdes, macs_many, PAYHSM_OK, 0),
    RUN("batch: 3 MACs verified, TDEA DUKPT", macs_tdes, macs_few, PAYHSM_OK, 0),
    RUN("batch: 70 MACs verified, AES DUKPT", macs_aes, macs_many, PAYHSM_OK, 0),
    RUN("batch: 70 card values verified", values, values_many, PAYHSM_OK, 0),
    RUN("batch: 70 wrong cryptograms", cryptograms, cryptograms_many, PAYHSM_OK, 0),
    RUN("batch: 4 key blocks", key_blocks, key_blocks_four, PAYHSM_OK, 0),
    RUN("cryptogram explained", cryptograms, explain, PAYHSM_OK, 0),
    RUN("PIN changed, IBM 3624", offsets, offset_change, PAYHSM_OK, 0),
    FOR("a PIN is drawn until it is one", "new PIN, IBM 3624", offsets, offset_new, PAYHSM_OK, REVEALS),
    RUN("PIN translated, two PANs", offsets, two_pans, PAYHSM_OK, 0),
    RUN("track 2 of UnionPay, back", track, track_back, PAYHSM_OK, 0),
    RUN("key pair made", nothing_yet, pair, PAYHSM_OK, 0),
    RUN("public key of a pair", pairs, public_of, PAYHSM_OK, 0),
    RUN("agreement by signatures, first message", pairs, signed_1, PAYHSM_OK, 0),
    RUN("agreement by signatures, second message", before_2, signed_2, PAYHSM_OK, 0),
    RUN("agreement by signatures, third message", before_3, signed_3, PAYHSM_OK, 0),
    RUN("agreement by signatures, end", before_4, signed_4, PAYHSM_OK, 0),
    RUN("agreement that authenticates nobody, begin", nothing_yet, bare_1, PAYHSM_OK, 0),
    RUN("agreement that authenticates nobody, end", bare_before_2, bare_2, PAYHSM_OK, 0),
};
const size_t MORE_COUNT = LENGTH(MORE);
