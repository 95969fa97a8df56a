/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The card's part of selfcheck.c, which alone reads it: values, scripts, answers, offline authentication. */
#ifndef EXAMPLE_SELFCHECK_CARD_H
#define EXAMPLE_SELFCHECK_CARD_H

/* Values of `vectors/card_verification.txt`: CVV, and the CVC3 of pyemv. */
static void card_values(void)
{
    static const char account[] = "4123456789012345", date[] = "8701", tapped[] = "5123456789012345";
    device_t *issuer = start();
    uint32_t cvk = enter(issuer, "C0", 'T', 'C', BDK_TDES), imk = enter(issuer, "E4", 'T', 'X', "01234567899876543210012345678998");
    uint8_t *value = guarded(3, 0), *un, *track;
    size_t len, track_len;

    CHECK_OK(payhsm_cvv_generate(issuer->ctx, cvk, PAYHSM_CVV_STRIPE, 101, text(account), 16, text(date), 3, value, 3, &len));
    CHECK(len == 3 && memcmp(value, "561", 3) == 0 && issuer->asked == PAYHSM_ASK_CARD_VALUE);
    CHECK_OK(payhsm_cvv_verify(issuer->ctx, cvk, PAYHSM_CVV_STRIPE, 101, text(account), 16, text(date), value, 3));
    batch_values(issuer, cvk, account, date, value);
    CHECK_STATUS(payhsm_cvv_verify(issuer->ctx, cvk, PAYHSM_CVV_STRIPE, 101, text(account), 16, text(date), text("562"), 3),
                 PAYHSM_ERR_VERIFICATION_FAILED);
    CHECK_STATUS(payhsm_cvv_verify(issuer->ctx, cvk, PAYHSM_CVV_CHIP, 0, text(account), 16, text(date), value, 3),
                 PAYHSM_ERR_VERIFICATION_FAILED);

    un = input("00000899", &len);
    track = input("5123456789012345D35121010000000000000F", &track_len);
    CHECK_OK(payhsm_cvc3_verify(issuer->ctx, imk, PAYHSM_MASTER_KEY_A, text(tapped), 16, 0, track, track_len, un, 0x5E,
                                text("29488"), 5));
    CHECK(issuer->asked == PAYHSM_ASK_ATC);
    CHECK_OK(payhsm_cvc3_verify(issuer->ctx, imk, PAYHSM_MASTER_KEY_A, text(tapped), 16, 0, track, track_len, un, 0x5E,
                                text("488"), 3));
    CHECK_STATUS(payhsm_cvc3_verify(issuer->ctx, imk, PAYHSM_MASTER_KEY_A, text(tapped), 16, 0, track, track_len, un, 0x5F,
                                    text("29488"), 5), PAYHSM_ERR_VERIFICATION_FAILED);
    CHECK(issuer->asked == PAYHSM_ASK_CARD_VALUE);
    end(issuer);
}

/* A published card of Visa's CVN 10: request, answer, script, a new PIN. */
static void card_scripts(void)
{
    static const char account[] = "1234567890123456";
    static const payhsm_pin_t pin = {4, {9, 9, 9, 9}};
    static const char zpk[] = "1123456789ABCDEF23456789ABCDEF01";
    static payhsm_script_target_t target = {sizeof(payhsm_script_target_t), PAYHSM_SCHEME_VISA, 10, 0, 0x1C, 0,
                                            {0x29, 0xCC, 0xA1, 0x5A, 0xE6, 0x65, 0xFA, 0x2E}};
    static payhsm_raw_cryptogram_t raw = {sizeof(payhsm_raw_cryptogram_t), PAYHSM_MASTER_KEY_A, PAYHSM_SESSION_KEY_NONE, 1, 1, PAYHSM_ARPC_KEY_MASTER, 0,
                                          0x1C, PAYHSM_CRYPTOGRAM_ARQC, {0x52, 0xBF, 0x45, 0x85},
                                          {0x29, 0xCC, 0xA1, 0x5A, 0xE6, 0x65, 0xFA, 0x2E}};
    device_t *terminal = start(), *issuer = calloc(1, sizeof *issuer);
    uint32_t ac, smi, smc, key;
    uint8_t block[16], out[PAYHSM_PIN_CHANGE_MAX_LEN], *data, *field55;
    char *words = guarded(PAYHSM_EXPLANATION_MAX_LEN, 0);
    payhsm_pin_t entered = pin;
    size_t len, block_len, data_len;

    if (issuer == NULL) {
        abort();
    }
    CHECK_OK(device_start(issuer, PAYHSM_POLICY_RAW_CRYPTOGRAM | PAYHSM_POLICY_EXPLAIN_CRYPTOGRAM |
                                  PAYHSM_POLICY_TRIVIAL_PINS));
    ac = enter(issuer, "E0", 'T', 'X', BDK_TDES);
    smi = enter(issuer, "E2", 'T', 'X', "FEDCBA98765432100123456789ABCDEF");
    smc = enter(issuer, "E1", 'T', 'X', "89ABCDEF0123456776543210FEDCBA98");

    data = input("00000000400000000000000001248000048000012419110501"
                 "52BF45851800001C03A06010", &data_len);
    CHECK_OK(payhsm_arqc_verify_raw(issuer->ctx, ac, &raw, text(account), 16, data, data_len, text("00"), 2, out, 16, &len));
    CHECK(len == 10 && issuer->asked == PAYHSM_ASK_ATC);
    CHECK_BYTES(out, "28993816AFAE4AEB3030");
    raw.cryptogram[0] ^= 1;
    CHECK_STATUS(payhsm_arqc_verify_raw(issuer->ctx, ac, &raw, text(account), 16, data, data_len, NULL, 0, out, 16, &len),
                 PAYHSM_ERR_VERIFICATION_FAILED);
    CHECK(len == 0 && all_zero(out, 16));

    field55 = input("9F02060000000040009F03060000000000009F1A02012495058000048000"
                    "5F2A0201249A031911059C01019F370452BF4585820218009F3602001C9F100706010A03A06010"
                    "9F260829CCA15AE665FA2E9F270180", &len);
    CHECK_OK(payhsm_arqc_explain(issuer->ctx, ac, PAYHSM_SCHEME_VISA, 10, text(account), 16, 0, field55, len,
                                 (uint8_t *)words, PAYHSM_EXPLANATION_MAX_LEN, &data_len));
    CHECK(issuer->asked == PAYHSM_ASK_CRYPTOGRAM_EXPLAIN && strstr(words, "ARQC 29CCA15AE665FA2E: matches\n") != NULL);
    CHECK(strstr(words, "67890") == NULL);
    CHECK_OK(payhsm_arqc_explain(issuer->ctx, ac, PAYHSM_SCHEME_VISA, 18, text(account), 16, 0, field55, len,
                                 (uint8_t *)words, PAYHSM_EXPLANATION_MAX_LEN, &data_len));
    CHECK(strstr(words, "that is: Visa CVN 10\n") != NULL && strlen(words) == data_len);

    CHECK_OK(payhsm_script_command(issuer->ctx, smi, 0, &target, text(account), 16, PAYHSM_SCRIPT_APPLICATION_UNBLOCK, 0, NULL,
                                   0, out, sizeof out, &len));
    CHECK(len == 13);
    CHECK_BYTES(out, "8418000008DB56BA60087CEFD3");

    key = enter(terminal, "P0", 'T', 'E', zpk);
    CHECK_OK(payhsm_pin_encipher(terminal->ctx, key, PAYHSM_PIN_FORMAT_0, text(account), 16, &entered, block, sizeof block,
                                 &block_len));
    key = enter(issuer, "P0", 'T', 'D', zpk);
    CHECK_OK(payhsm_script_pin_change(issuer->ctx, smi, smc, ac, &target, text(account), 16, key, PAYHSM_PIN_FORMAT_0, block,
                                      block_len, 0, 0, NULL, 0, out, sizeof out, &len));
    CHECK(len == PAYHSM_PIN_CHANGE_MAX_LEN && issuer->asked == PAYHSM_ASK_PIN_ISSUE);
    CHECK_BYTES(out, "8424000218BB221AF527377A2811D2B6EBC396A9391A965A5CB2CE62DA");
    CHECK_STATUS(payhsm_script_pin_change(issuer->ctx, smi, smc, 0, &target, text(account), 16, key, PAYHSM_PIN_FORMAT_0,
                                          block, block_len, 0, 0, NULL, 0, out, sizeof out, &len), PAYHSM_ERR_NO_KEY);
    block[0] ^= 1;
    CHECK_STATUS(payhsm_script_pin_change(issuer->ctx, smi, smc, ac, &target, text(account), 16, key, PAYHSM_PIN_FORMAT_0,
                                          block, block_len, 0, 0, NULL, 0, out, sizeof out, &len),
                 PAYHSM_ERR_VERIFICATION_FAILED);
    CHECK(len == 0 && all_zero(out, sizeof out));
    end(terminal);
    end(issuer);
}

/* EMV Book 3: a template 77 with ARQC, ATC and issuer application data. */
static void card_answer(void)
{
    size_t i, len;
    uint8_t *data = input("771E9F2701809F360200019F260811223344556677889F100706011203A00000", &len);
    payhsm_ac_response_t response;

    CHECK_OK(payhsm_emv_ac_response(data, len, &response));
    CHECK(response.kind == PAYHSM_CRYPTOGRAM_ARQC && response.atc == 1 && response.cid == 0x80 && response.iad_len == 7);
    CHECK_BYTES(response.cryptogram, "1122334455667788");
    for (i = 0; i < len; i++) {
        /* Cut short; each piece ends before the guarded page. */
        uint8_t *piece = guarded(i, 0);

        memcpy(piece, data, i);
        CHECK(payhsm_emv_ac_response(piece, i, &response) != PAYHSM_OK);
        CHECK(all_zero(&response, sizeof response));
    }
    CHECK_STATUS(payhsm_emv_ac_response(NULL, 1, &response), PAYHSM_ERR_NULL_POINTER);
    CHECK_STATUS(payhsm_emv_ac_response(data, len, NULL), PAYHSM_ERR_NULL_POINTER);
}

static void offline(void)
{
    size_t len, records_len, sent_len, response_len, i;
    const uint8_t *bytes;
    uint8_t *records = input(ODA_RECORDS, &records_len), *block = guarded(PAYHSM_OFFLINE_PIN_BLOCK_LEN, 0xAA);
    uint8_t *sent = input(ODA_DDA_SENT, &sent_len), *response = input(ODA_DDA_RESPONSE, &response_len);
    uint8_t *challenge = input("C1C2C3C4C5C6C7C8", &len), *data = guarded(96, 0xAA), *short_data = guarded(95, 0xAA);
    payhsm_oda_transaction_t sale = {sizeof(payhsm_oda_transaction_t), {0x26, 0x11, 0x25}, {0x61, 0}, {0x8B, 0x55, 0x63, 0x3B}, {0}, {0}, {0}};
    payhsm_ca_key_t ca;
    payhsm_oda_result_t result;
    device_t *device = calloc(1, sizeof *device);
    const payhsm_pin_t entered = {4, {1, 2, 3, 4}};
    payhsm_pin_t pin = entered;

    memset(&ca, 0, sizeof ca);
    ca.size = sizeof ca;
    bytes = input("A000009999", &len);
    memcpy(ca.rid, bytes, sizeof ca.rid);
    ca.index = 0xF5;
    ca.exponent[0] = 3;
    ca.exponent_len = 1;
    bytes = input(ODA_MODULUS, &len);
    memcpy(ca.modulus, bytes, len);
    ca.modulus_len = (uint8_t)len;
    bytes = input(ODA_CHECKSUM, &len);
    memcpy(ca.checksum, bytes, sizeof ca.checksum);

    CHECK_OK(payhsm_oda_verify(PAYHSM_ODA_SDA, &ca, NULL, 0, &sale, records, records_len, NULL, 0, NULL, 0, &result));
    CHECK_BYTES(result.authentication_code, "DAC5");
    CHECK_OK(payhsm_oda_verify(PAYHSM_ODA_DDA, &ca, NULL, 0, &sale, records, records_len, sent, sent_len, response,
                               response_len, &result));
    CHECK(result.dynamic_number_len == 6 && result.fault == 0 && result.stage == 0 && result.tvr == 0);
    CHECK_BYTES(result.dynamic_number, "0102030405060000");
    for (i = 0; i < sent_len; i++) {
        sent[i] ^= 1;
        CHECK_STATUS(payhsm_oda_verify(PAYHSM_ODA_DDA, &ca, NULL, 0, &sale, records, records_len, sent, sent_len, response,
                                       response_len, &result),
                     PAYHSM_ERR_VERIFICATION_FAILED);
        CHECK(result.stage == 7 && result.fault == 15 && result.tvr == 0x08 && result.dynamic_number_len == 0);
        sent[i] ^= 1;
    }
    sent = input(ODA_CDA_SENT, &sent_len);
    response = input(ODA_CDA_RESPONSE, &response_len);
    CHECK_OK(payhsm_oda_verify(PAYHSM_ODA_CDA, &ca, NULL, 0, &sale, records, records_len, sent, sent_len, response,
                               response_len, &result));
    CHECK(result.dynamic_number_len == 8 && result.cid == 0x40);
    CHECK_BYTES(result.cryptogram, "A1A2A3A4A5A6A7A8");
    CHECK_BYTES(result.atc, "001D");
    for (i = 0; i < response_len; i++) {
        response[i] ^= 0x10;
        CHECK(payhsm_oda_verify(PAYHSM_ODA_CDA, &ca, NULL, 0, &sale, records, records_len, sent, sent_len, response,
                                response_len, &result) != PAYHSM_OK);
        CHECK(result.stage == 7 && result.fault != 0 && result.tvr == 0x04 && result.cid == 0);
        response[i] ^= 0x10;
    }

    CHECK(device != NULL);
    CHECK_OK(device_start(device, PAYHSM_POLICY_OFFLINE_PIN | PAYHSM_POLICY_PLAINTEXT_OFFLINE_PIN));
    CHECK_OK(payhsm_offline_pin_plaintext(device->ctx, &pin, block));
    CHECK_BYTES(block, "241234FFFFFFFFFF");
    CHECK(all_zero(&pin, sizeof pin));
    pin = entered;
    CHECK_OK(payhsm_offline_pin_encipher(device->ctx, &ca, NULL, 0, &sale, records, records_len, challenge, &pin, data, 96,
                                         &len));
    CHECK(len == 96 && !all_zero(data, 96) && all_zero(&pin, sizeof pin));
    pin = entered;
    CHECK_STATUS(payhsm_offline_pin_encipher(device->ctx, &ca, NULL, 0, &sale, records, records_len, challenge, &pin,
                                             short_data, 95, &len),
                 PAYHSM_ERR_BUFFER_TOO_SMALL);
    CHECK(len == 0 && all_zero(short_data, 95) && all_zero(&pin, sizeof pin));
    CHECK_OK(payhsm_close(device->ctx));
    free(device);
}

#endif
