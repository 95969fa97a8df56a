/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Every parameter of every function: each pointer NULL, misaligned, inside another parameter, inside the context; each
 * length impossible; each buffer short; each handle wrong. A table says what the functions take; the rest is loops.
 */
#include "check.h"
#include "device.h"
#include "oda_card.h"

#include <stdlib.h>

static device_t here, there;

enum { INS = 6, OUTS = 4, HANDLES = 3, RANDOM_HANDLES = 1000, FAR = 4096 };

/* The parameters of the call that comes. */
static struct {
    payhsm_ctx_t *ctx;
    uint32_t handle[HANDLES];
    const void *in[INS];
    size_t in_len[INS];
    void *out[OUTS];
    size_t capacity; /* of the first output, if it is a buffer */
} p;

/* How an output is told. */
typedef enum { NOTHING, BUFFER, BYTES, VALUE, PIN } form_t;

typedef struct {
    const char *name;
    payhsm_status_t (*run)(void);
    /* What a right call gives. */
    payhsm_status_t good;
    /* The state that a right call needs, and what makes it undone; both may be called at any time. */
    void (*before)(void), (*after)(void);
    const uint32_t *handle[HANDLES];
    struct {
        const void *bytes;
        size_t len;
        int fixed; /* no length goes with it */
    } in[INS];
    struct {
        form_t form;
        size_t len;
    } out[OUTS];
    int in_place; /* the first output may be the second input */
} call_t;

/* --- the world ----------------------------------------------------------------------------------------------------- */

typedef struct {
    uint32_t kbpk, kbpk_out, bdk, psk, mac, pin_in, pin_out, pvk, pvk_3624, imk, cvk, imk_dn, imk_smi, imk_smc, pin_tdea,
        data, data_to, data_ecb, data_ctr, track, mac_to, sign, group, transaction;
} keys_t;

static keys_t own, foreign;
static uint8_t key_block[PAYHSM_KEY_BLOCK_MAX_LEN], initial_block[256];
static size_t key_block_len, initial_block_len;

static const uint8_t ZEROS[80];
static const uint8_t PAN[] = "4012345678909";
static const uint8_t PVV[] = "0000";
static const uint8_t TRACK[] = "4012345678909=2512101123456";
static const uint8_t EXPIRY[] = "2512";
/* More than any CVC3, and a card verification value of one key in a hundred thousand. */
static const uint8_t DIGITS[] = "98765";
static const uint8_t ID[8] = {0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56};
static const uint8_t OTHER_ID[8] = {0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x57};
static const uint8_t KSN[12] = {0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56, 0, 0, 0, 1};
/* Of ID, no counter accepted, three transactions back. */
static const uint8_t WINDOW[PAYHSM_REPLAY_WINDOW_LEN] = {1, 2, 3, 0, 0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56};
static const payhsm_pin_t PIN_1234 = {4, {1, 2, 3, 4}};
static const payhsm_pin_profile_t PROFILE = {
    {'0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '0', '1', '2', '3', '4', '5'}, 0, 12, 15, 13, 4, 0, {0, 0}};
static const payhsm_key_attributes_t DATA_KEY = {{'D', '0'}, 'A', 'B', {'0', '0'}, 'N', 0};
static const payhsm_key_attributes_t MAC_KEY = {{'M', '6'}, 'A', 'C', {'0', '0'}, 'E', 0};
static const payhsm_export_t NARROWER = {PAYHSM_EXPORT_KEY_CHECK | PAYHSM_EXPORT_KBPK_CHECK, 'D', 'V', 'N', 0};
static const uint8_t LABEL[] = {'L', 'B', '0', '8', 'n', 'o', ' ', '1'};
/* The base point of P-256, a point of the curve, and zeros: the first message of an agreement, and each of the others. */
static const uint8_t M1[PAYHSM_AGREEMENT_SIGNED_M2_LEN] = {
    0x04, 0x6B, 0x17, 0xD1, 0xF2, 0xE1, 0x2C, 0x42, 0x47, 0xF8, 0xBC, 0xE6, 0xE5, 0x63, 0xA4, 0x40, 0xF2,
    0x77, 0x03, 0x7D, 0x81, 0x2D, 0xEB, 0x33, 0xA0, 0xF4, 0xA1, 0x39, 0x45, 0xD8, 0x98, 0xC2, 0x96, 0x4F,
    0xE3, 0x42, 0xE2, 0xFE, 0x1A, 0x7F, 0x9B, 0x8E, 0xE7, 0xEB, 0x4A, 0x7C, 0x0F, 0x9E, 0x16, 0x2B, 0xCE,
    0x33, 0x57, 0x6B, 0x31, 0x5E, 0xCE, 0xCB, 0xB6, 0x40, 0x68, 0x37, 0xBF, 0x51, 0xF5};
static const uint8_t CARD_ANSWER[32] = {0x77, 0x1E, 0x9F, 0x27, 0x01, 0x80, 0x9F, 0x36, 0x02, 0x00, 0x01,
                                        0x9F, 0x26, 0x08, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
                                        0x9F, 0x10, 0x07, 0x06, 0x01, 0x12, 0x03, 0xA0, 0x00, 0x00};
/* What CVN 18 takes in, with a cryptogram that is none. */
static const uint8_t FIELD55[] = {
    0x9F, 0x02, 6, 0, 0, 0, 0, 0x10, 0, 0x9F, 0x03, 6, 0, 0, 0, 0, 0, 0, 0x9F, 0x1A, 2, 0x08, 0x40, 0x95, 5, 0, 0, 0, 0,
    0, 0x5F, 0x2A, 2, 0x08, 0x40, 0x9A, 3, 0x24, 1, 1, 0x9C, 1, 0, 0x9F, 0x37, 4, 1, 2, 3, 4, 0x82, 2, 0x18, 0, 0x9F,
    0x36, 2, 0, 1, 0x9F, 0x10, 7, 0x06, 1, 0x12, 3, 0xA0, 0, 0, 0x9F, 0x26, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0x9F, 0x27, 1,
    0x80};
static const payhsm_script_target_t SCRIPT = {PAYHSM_SCHEME_VISA, 10, 0, 1, 0, {1, 2, 3, 4, 5, 6, 7, 8}};
static const payhsm_raw_cryptogram_t RAW = {PAYHSM_MASTER_KEY_A, PAYHSM_SESSION_KEY_COMMON, 2, 2, PAYHSM_ARPC_KEY_SESSION,
                                            0, 1, PAYHSM_CRYPTOGRAM_ARQC, {1, 2, 3, 4}, {1, 2, 3, 4, 5, 6, 7, 8}};

/* A card of our own, and what the terminal knows of it: filled by `card_make`. */
static payhsm_ca_key_t ca_key;
static const payhsm_oda_transaction_t SALE = {{0x26, 0x11, 0x25}, {0x61, 0}, {0x8B, 0x55, 0x63, 0x3B}, {0}, {0}, 0};
static const uint8_t REVOKED[PAYHSM_REVOKED_LEN] = {0xA0, 0, 0, 0x99, 0x99, 0xF5, 0, 0x0A, 0x02};
static uint8_t oda_records[1024], oda_sent[64], oda_response[256];
static size_t oda_records_len, oda_sent_len, oda_response_len;

static void text_make(const char *hex, uint8_t *bytes, size_t capacity, size_t *len)
{
    const uint8_t *from = input(hex, len);

    CHECK(*len <= capacity);
    memcpy(bytes, from, *len);
}

static void card_make(void)
{
    static const uint8_t rid[5] = {0xA0, 0, 0, 0x99, 0x99};
    size_t len;

    memcpy(ca_key.rid, rid, sizeof rid);
    ca_key.index = 0xF5;
    ca_key.exponent_len = 1;
    ca_key.exponent[0] = 3;
    text_make(ODA_MODULUS, ca_key.modulus, sizeof ca_key.modulus, &len);
    ca_key.modulus_len = (uint8_t)len;
    text_make(ODA_CHECKSUM, ca_key.checksum, sizeof ca_key.checksum, &len);
    text_make(ODA_RECORDS, oda_records, sizeof oda_records, &oda_records_len);
    text_make(ODA_CDA_SENT, oda_sent, sizeof oda_sent, &oda_sent_len);
    text_make(ODA_CDA_RESPONSE, oda_response, sizeof oda_response, &oda_response_len);
}

static uint32_t make(device_t *device, const char *usage, char algorithm, char mode, char exportability)
{
    payhsm_key_attributes_t attributes = {{0, 0}, 0, 0, {'0', '0'}, 0, 0};
    payhsm_key_info_t info;
    uint32_t key = 0;

    memcpy(attributes.usage, usage, 2);
    attributes.algorithm = (uint8_t)algorithm;
    attributes.mode = (uint8_t)mode;
    attributes.exportability = (uint8_t)exportability;
    CHECK_OK(payhsm_key_generate(device->ctx, &attributes, algorithm == 'E' ? 32 : 16, &key, &info));
    return key;
}

static void fill(device_t *device, keys_t *keys)
{
    payhsm_initial_key_info_t info;
    uint8_t ksn[PAYHSM_KSN_MAX_LEN], kcv[PAYHSM_KCV_MAX_LEN];
    uint32_t profile = 0;
    size_t len;

    CHECK_OK(device_start(device, PAYHSM_POLICY_UNAUTHENTICATED_AGREEMENT | PAYHSM_POLICY_RAW_CRYPTOGRAM |
                                      PAYHSM_POLICY_EXPLAIN_CRYPTOGRAM | PAYHSM_POLICY_ECB_DATA |
                                      PAYHSM_POLICY_UNIONPAY | PAYHSM_POLICY_OFFLINE_PIN |
                                      PAYHSM_POLICY_PLAINTEXT_OFFLINE_PIN));
    keys->kbpk = make(device, "K1", 'A', 'B', 'N');
    keys->kbpk_out = make(device, "K1", 'A', 'E', 'N');
    keys->bdk = make(device, "B0", 'A', 'X', 'N');
    keys->psk = make(device, "B3", 'A', 'X', 'N');
    keys->mac = make(device, "M6", 'A', 'C', 'E');
    keys->pin_in = make(device, "P0", 'A', 'D', 'N');
    keys->pin_out = make(device, "P0", 'A', 'E', 'N');
    keys->pvk = make(device, "V2", 'T', 'C', 'N');
    keys->pvk_3624 = make(device, "V1", 'T', 'C', 'N');
    CHECK_OK(payhsm_pin_profile_register(device->ctx, &PROFILE, &profile));
    keys->imk = make(device, "E0", 'T', 'X', 'N');
    keys->cvk = make(device, "C0", 'T', 'C', 'N');
    keys->imk_dn = make(device, "E4", 'T', 'X', 'N');
    keys->imk_smi = make(device, "E2", 'T', 'X', 'N');
    keys->imk_smc = make(device, "E1", 'T', 'X', 'N');
    keys->pin_tdea = make(device, "P0", 'T', 'D', 'N');
    keys->data = make(device, "D0", 'A', 'B', 'N');
    keys->sign = make(device, "S0", 'E', 'S', 'N');
    keys->data_to = make(device, "D0", 'A', 'E', 'N');
    keys->data_ecb = make(device, "D0", 'A', 'B', 'N');
    keys->data_ctr = make(device, "D0", 'A', 'B', 'N');
    keys->track = make(device, "D0", 'T', 'B', 'N');
    keys->mac_to = make(device, "M6", 'A', 'G', 'N');
    CHECK_OK(payhsm_dukpt_export_initial_key(device->ctx, keys->bdk, ID, sizeof ID, keys->kbpk, initial_block,
                                             sizeof initial_block, &initial_block_len, kcv));
    CHECK_OK(payhsm_dukpt_load(device->ctx, keys->kbpk, PAYHSM_PROFILE_X9_143_STRICT, initial_block, initial_block_len,
                               &keys->group, &info));
    CHECK_OK(payhsm_dukpt_begin(device->ctx, keys->group, &keys->transaction, ksn, sizeof ksn, &len));
    CHECK_OK(payhsm_dukpt_export_initial_key(device->ctx, keys->bdk, OTHER_ID, sizeof OTHER_ID, keys->kbpk,
                                             initial_block, sizeof initial_block, &initial_block_len, kcv));
    CHECK_OK(payhsm_key_export(device->ctx, keys->kbpk, keys->mac, key_block, sizeof key_block, &key_block_len));
}

/* --- states -------------------------------------------------------------------------------------------------------- */

static void ignore(payhsm_status_t status)
{
    (void)status;
}

static void ceremony(void)
{
    ignore(payhsm_component_begin(here.ctx, &DATA_KEY, 16, 2, NULL, 0));
}

static void full_ceremony(void)
{
    uint8_t component[16] = {1};

    ceremony();
    ignore(payhsm_component_add(here.ctx, 1, component, 16, NULL, 0));
    component[1] = 2;
    ignore(payhsm_component_add(here.ctx, 2, component, 16, NULL, 0));
}

static void no_ceremony(void)
{
    CHECK_OK(payhsm_component_abort(here.ctx));
}

/* The handle that a call gave, if it gave one. */
static uint32_t given(void)
{
    uint32_t handle = 0;

    if (p.out[0] != NULL) {
        memcpy(&handle, p.out[0], sizeof handle);
    }
    return handle;
}

static void erase_key(void)
{
    ignore(payhsm_key_erase(here.ctx, given()));
}

static void erase_group(void)
{
    ignore(payhsm_dukpt_erase(here.ctx, given()));
}

static void end_transaction(void)
{
    ignore(payhsm_transaction_end(here.ctx, given()));
}

static void another_transaction(void)
{
    uint8_t ksn[PAYHSM_KSN_MAX_LEN];
    size_t len;

    CHECK_OK(payhsm_dukpt_begin(here.ctx, own.group, &own.transaction, ksn, sizeof ksn, &len));
}

static void answered(void)
{
    uint8_t m2[PAYHSM_AGREEMENT_M2_LEN];
    size_t len;

    CHECK_OK(payhsm_agreement_answer(here.ctx, own.psk, PAN, 4, PAN, 5, 16, M1, m2, sizeof m2, &len));
}

static void answered_signed(void)
{
    uint8_t m2[PAYHSM_AGREEMENT_SIGNED_M2_LEN];
    size_t len;

    CHECK_OK(payhsm_agreement_answer_signed(here.ctx, own.sign, M1, PAYHSM_EC_PUBLIC_LEN, PAN, 4, PAN, 5, 16, M1, m2,
                                            sizeof m2, &len));
}

static void begun(void)
{
    uint8_t m1[PAYHSM_AGREEMENT_M1_LEN];
    size_t len;

    CHECK_OK(payhsm_agreement_begin(here.ctx, own.psk, PAN, 4, PAN, 5, 16, m1, sizeof m1, &len));
}

static void begun_signed(void)
{
    uint8_t m1[PAYHSM_AGREEMENT_M1_LEN];
    size_t len;

    CHECK_OK(payhsm_agreement_begin_signed(here.ctx, own.sign, PAN, 4, PAN, 5, 16, m1, sizeof m1, &len));
}

static void begun_unauthenticated(void)
{
    uint8_t key[PAYHSM_EC_PUBLIC_LEN];
    size_t len;

    CHECK_OK(payhsm_agreement_unauthenticated_begin(here.ctx, key, sizeof key, &len));
}

static void mac_making(void)
{
    CHECK_OK(payhsm_mac_begin(here.ctx, own.mac, PAYHSM_MAC_CMAC, PAYHSM_MAC_GENERATE));
}

static void mac_checking(void)
{
    CHECK_OK(payhsm_mac_begin(here.ctx, own.mac, PAYHSM_MAC_CMAC, PAYHSM_MAC_VERIFY));
}

/* --- the functions ------------------------------------------------------------------------------------------------- */

#define C p.ctx
#define H(i) p.handle[i]
#define I(i) p.in[i]
#define IL(i) p.in[i], p.in_len[i]
#define O(i) p.out[i]
#define OB p.out[0], p.capacity, p.out[1]
#define F(name, call)                          \
    static payhsm_status_t run_##name(void)    \
    {                                          \
        return (call);                         \
    }

F(state, payhsm_state(C, O(0)))
F(random, payhsm_random(C, O(0), p.capacity))
F(key_info, payhsm_key_info(C, H(0), O(0)))
F(key_erase, payhsm_key_erase(C, H(0)))
F(key_generate, payhsm_key_generate(C, I(0), 16, O(0), O(1)))
F(component_begin, payhsm_component_begin(C, I(0), 16, 2, IL(1)))
F(component_add, payhsm_component_add(C, 1, IL(0), IL(1)))
F(component_finish, payhsm_component_finish(C, O(0), O(1)))
F(key_import, payhsm_key_import(C, H(0), PAYHSM_PROFILE_X9_143_STRICT, IL(0), O(0), O(1)))
F(key_export, payhsm_key_export(C, H(0), H(1), OB))
F(key_import_as, payhsm_key_import_as(C, H(0), PAYHSM_PROFILE_X9_143_STRICT, IL(0), I(1), O(0), O(1)))
F(key_export_as, payhsm_key_export_as(C, H(0), H(1), I(0), IL(1), OB))
F(key_translate, payhsm_key_translate(C, H(0), PAYHSM_PROFILE_X9_143_STRICT, IL(0), H(1), I(1), IL(2), OB))
F(key_check, payhsm_key_check(C, H(0), PAYHSM_CHECK_CMAC, IL(0)))
F(agreement_answer, payhsm_agreement_answer(C, H(0), IL(0), IL(1), 16, I(2), OB))
F(agreement_finish, payhsm_agreement_finish(C, I(0), O(0), O(1)))
F(working_key_import, payhsm_working_key_import(C, H(0), I(0), IL(1), IL(2), O(0), O(1)))
F(unionpay_sign_on, payhsm_unionpay_sign_on(C, H(0), PAYHSM_SIGN_ON_DOUBLE, IL(0), O(0)))
F(key_public, payhsm_key_public(C, H(0), OB))
F(agreement_begin, payhsm_agreement_begin(C, H(0), IL(0), IL(1), 16, OB))
F(agreement_confirm, payhsm_agreement_confirm(C, I(0), O(2), O(3), OB))
F(agreement_begin_signed, payhsm_agreement_begin_signed(C, H(0), IL(0), IL(1), 16, OB))
F(agreement_confirm_signed, payhsm_agreement_confirm_signed(C, IL(0), I(1), O(2), O(3), OB))
F(agreement_answer_signed, payhsm_agreement_answer_signed(C, H(0), IL(0), IL(1), IL(2), 16, I(3), OB))
F(agreement_finish_signed, payhsm_agreement_finish_signed(C, I(0), O(0), O(1)))
F(agreement_unauthenticated_begin, payhsm_agreement_unauthenticated_begin(C, OB))
F(agreement_unauthenticated_finish,
  payhsm_agreement_unauthenticated_finish(C, IL(0), PAYHSM_KDF_X963_SHA256, IL(1), 16, 'D', O(0), O(1)))
F(transaction_end, payhsm_transaction_end(C, H(0)))
F(transaction_ksn, payhsm_transaction_ksn(C, H(0), OB))
F(dukpt_load, payhsm_dukpt_load(C, H(0), PAYHSM_PROFILE_X9_143_STRICT, IL(0), O(0), O(1)))
F(dukpt_find, payhsm_dukpt_find(C, 0, O(0), O(1)))
F(dukpt_begin, payhsm_dukpt_begin(C, H(0), O(2), OB))
F(dukpt_update, payhsm_dukpt_update(C, H(0), PAYHSM_PROFILE_X9_143_STRICT, IL(0), O(0)))
F(dukpt_erase, payhsm_dukpt_erase(C, H(0)))
F(transaction_select, payhsm_transaction_select(C, H(0), PAYHSM_WORKING_DATA, PAYHSM_KEY_TYPE_AES128))
F(pin_encipher, payhsm_pin_encipher(C, H(0), PAYHSM_PIN_FORMAT_4, IL(0), O(2), OB))
F(mac_generate, payhsm_mac_generate(C, H(0), PAYHSM_MAC_CMAC, IL(0), 16, OB))
F(mac_verify, payhsm_mac_verify(C, H(0), PAYHSM_MAC_CMAC, IL(0), IL(1)))
F(mac_begin, payhsm_mac_begin(C, H(0), PAYHSM_MAC_CMAC, PAYHSM_MAC_GENERATE))
F(mac_update, payhsm_mac_update(C, IL(0)))
F(mac_finish, payhsm_mac_finish(C, 16, OB))
F(mac_finish_verify, payhsm_mac_finish_verify(C, IL(0)))
F(data_encipher, payhsm_data_encipher(C, H(0), IL(0), IL(1), OB))
F(data_decipher, payhsm_data_decipher(C, H(0), IL(0), IL(1), OB))
F(mac_begin_sized, payhsm_mac_begin_sized(C, H(0), PAYHSM_MAC_CMAC, PAYHSM_MAC_GENERATE, 5))
F(mac_translate, payhsm_mac_translate(C, H(0), PAYHSM_MAC_CMAC, IL(0), IL(1), H(1), PAYHSM_MAC_CMAC, 16, OB))
F(data_ecb_encipher, payhsm_data_ecb_encipher(C, H(0), IL(1), OB))
F(data_ecb_decipher, payhsm_data_ecb_decipher(C, H(0), IL(1), OB))
F(data_ctr, payhsm_data_ctr(C, H(0), IL(0), IL(1), OB))
F(data_reencipher, payhsm_data_reencipher(C, H(0), IL(0), IL(1), H(1), IL(2), OB))
F(track2_encipher, payhsm_track2_encipher(C, H(0), IL(0), OB))
F(track2_decipher, payhsm_track2_decipher(C, H(0), IL(0), 27, OB))
F(emv_ac_response, payhsm_emv_ac_response(IL(0), O(0)))
F(oda_verify, payhsm_oda_verify(PAYHSM_ODA_CDA, I(0), IL(1), I(2), IL(3), IL(4), IL(5), O(0)))
F(offline_pin_encipher, payhsm_offline_pin_encipher(C, I(0), IL(1), I(2), IL(3), I(4), O(2), OB))
F(offline_pin_plaintext, payhsm_offline_pin_plaintext(C, O(2), O(0)))
F(dukpt_derive, payhsm_dukpt_derive(C, H(0), IL(0), O(0)))
F(dukpt_export_initial_key, payhsm_dukpt_export_initial_key(C, H(0), IL(0), H(1), OB, O(2)))
F(dukpt_export_update, payhsm_dukpt_export_update(C, H(0), IL(0), H(1), IL(1), OB, O(2)))
F(ksn_split, payhsm_ksn_split(IL(0), 8, 8, 8, O(0)))
F(replay_new, payhsm_replay_new(IL(0), 3, O(0)))
F(replay_check, payhsm_replay_check(I(0), IL(1), 1))
F(replay_accept, payhsm_replay_accept(I(0), IL(1), 1, O(0)))
F(pin_translate, payhsm_pin_translate(C, H(0), PAYHSM_PIN_FORMAT_4, IL(0), IL(1), H(1), PAYHSM_PIN_FORMAT_4, OB))
F(pin_translate_pans, payhsm_pin_translate_pans(C, H(0), PAYHSM_PIN_FORMAT_4, IL(0), IL(1), H(1), PAYHSM_PIN_FORMAT_4,
                                                  IL(2), OB))
F(pin_verify_pvv, payhsm_pin_verify_pvv(C, H(0), PAYHSM_PIN_FORMAT_4, IL(0), IL(1), H(1), 1, I(2)))
F(pin_profile_register, payhsm_pin_profile_register(C, I(0), O(0)))
F(pin_verify_3624, payhsm_pin_verify_3624(C, H(0), PAYHSM_PIN_FORMAT_4, IL(0), IL(1), H(1), 1, IL(2)))
F(pvv_generate, payhsm_pvv_generate(C, H(0), PAYHSM_PIN_FORMAT_4, IL(0), IL(1), H(1), 1, O(0)))
F(pin_offset_generate, payhsm_pin_offset_generate(C, H(0), PAYHSM_PIN_FORMAT_4, IL(0), IL(1), H(1), 1, OB))
F(pin_generate_pvv, payhsm_pin_generate_pvv(C, H(0), H(1), 4, PAYHSM_PIN_FORMAT_4, 1, IL(0), OB, O(2)))
F(pin_generate_3624, payhsm_pin_generate_3624(C, H(0), H(1), PAYHSM_PIN_FORMAT_4, 1, IL(0), OB, O(2)))
F(pin_derive_3624, payhsm_pin_derive_3624(C, H(0), H(1), PAYHSM_PIN_FORMAT_4, 1, IL(0), IL(1), OB))
F(pin_change_pvv, payhsm_pin_change_pvv(C, H(0), H(1), H(2), PAYHSM_PIN_FORMAT_4, PAYHSM_PIN_FORMAT_4, 1, IL(0), IL(1),
                                        IL(2), I(3), O(0)))
F(pin_change_3624, payhsm_pin_change_3624(C, H(0), H(1), H(2), PAYHSM_PIN_FORMAT_4, PAYHSM_PIN_FORMAT_4, 1, IL(0),
                                          IL(1), IL(2), IL(3), OB))
F(arqc_verify, payhsm_arqc_verify(C, H(0), PAYHSM_SCHEME_VISA, 18, IL(0), 0, IL(1), IL(2), OB))
F(arqc_verify_raw, payhsm_arqc_verify_raw(C, H(0), I(0), IL(1), IL(2), IL(3), OB))
F(arqc_explain, payhsm_arqc_explain(C, H(0), PAYHSM_SCHEME_VISA, 18, IL(0), 0, IL(1), OB))
F(script_command, payhsm_script_command(C, H(0), own.imk_smc, I(0), IL(1), PAYHSM_SCRIPT_PUT_DATA, 0x9F58, IL(2), OB))
/* The current PIN and the card's key could be left out: their handles stay as they are. */
F(script_pin_change, payhsm_script_pin_change(C, H(0), H(1), own.imk, I(0), IL(1), H(2), PAYHSM_PIN_FORMAT_0, IL(2),
                                              own.pin_tdea, PAYHSM_PIN_FORMAT_0, IL(3), OB))
F(cvv_generate, payhsm_cvv_generate(C, H(0), PAYHSM_CVV_CHIP, 0, IL(0), I(1), 3, OB))
F(cvv_verify, payhsm_cvv_verify(C, H(0), PAYHSM_CVV_CHIP, 0, IL(0), I(1), IL(2)))
F(cvc3_verify, payhsm_cvc3_verify(C, H(0), PAYHSM_MASTER_KEY_A, IL(0), 0, IL(1), I(2), 7, IL(3)))

#define ROW(name) #name, run_##name
#define LEN {VALUE, sizeof(size_t)}
#define HANDLE {VALUE, sizeof(uint32_t)}
#define INFO {VALUE, sizeof(payhsm_key_info_t)}
/* Without an alignment: all its fields are bytes. */
#define INITIAL {BYTES, sizeof(payhsm_initial_key_info_t)}
#define ATTRIBUTES {&DATA_KEY, sizeof DATA_KEY, 1}
#define BLOCKS {ZEROS, 32, 0}
#define PAN_IN {PAN, 13, 0}
#define CA_KEY {&ca_key, sizeof ca_key, 1}
#define REVOKED_IN {REVOKED, sizeof REVOKED, 0}
#define SALE_IN {&SALE, sizeof SALE, 1}
#define KCV_IN {NULL, 0, 0}

static const call_t CALLS[] = {
    {ROW(state), 0, NULL, NULL, {0}, {{0}}, {{VALUE, sizeof(payhsm_state_t)}}, 0},
    {ROW(random), 0, NULL, NULL, {0}, {{0}}, {{BYTES, 64}}, 0},
    {ROW(key_info), 0, NULL, NULL, {&own.data}, {{0}}, {INFO}, 0},
    {ROW(key_erase), 0, NULL, NULL, {&own.data}, {{0}}, {{NOTHING, 0}}, 0},
    {ROW(key_generate), 0, NULL, erase_key, {0}, {ATTRIBUTES}, {HANDLE, INFO}, 0},
    {ROW(component_begin), 0, no_ceremony, no_ceremony, {0}, {ATTRIBUTES, KCV_IN}, {{NOTHING, 0}}, 0},
    {ROW(component_add), 0, ceremony, no_ceremony, {0}, {{M1, 16, 0}, KCV_IN}, {{NOTHING, 0}}, 0},
    {ROW(component_finish), 0, full_ceremony, erase_key, {0}, {{0}}, {HANDLE, INFO}, 0},
    {ROW(key_import), 0, NULL, erase_key, {&own.kbpk}, {{key_block, 0, 0}}, {HANDLE, INFO}, 0},
    {ROW(key_export), 0, NULL, NULL, {&own.kbpk, &own.mac}, {{0}}, {{BUFFER, PAYHSM_KEY_BLOCK_MAX_LEN}, LEN}, 0},
    {ROW(key_import_as), 0, NULL, erase_key, {&own.kbpk}, {{key_block, 0, 0}, {&MAC_KEY, sizeof MAC_KEY, 1}},
     {HANDLE, INFO}, 0},
    {ROW(key_export_as), 0, NULL, NULL, {&own.kbpk, &own.mac}, {{&NARROWER, sizeof NARROWER, 1}, {LABEL, 8, 0}},
     {{BUFFER, PAYHSM_KEY_BLOCK_MAX_LEN}, LEN}, 0},
    {ROW(key_translate), 0, NULL, NULL, {&own.kbpk, &own.kbpk_out},
     {{key_block, 0, 0}, {&NARROWER, sizeof NARROWER, 1}, {LABEL, 8, 0}}, {{BUFFER, PAYHSM_KEY_BLOCK_MAX_LEN}, LEN}, 0},
    {ROW(key_check), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.mac}, {{ZEROS, 5, 0}}, {{NOTHING, 0}}, 0},
    {ROW(agreement_answer), 0, NULL, NULL, {&own.psk}, {{PAN, 4, 0}, {PAN, 5, 0}, {M1, PAYHSM_AGREEMENT_M1_LEN, 1}},
     {{BUFFER, PAYHSM_AGREEMENT_M2_LEN}, LEN}, 0},
    {ROW(agreement_finish), PAYHSM_ERR_VERIFICATION_FAILED, answered, NULL, {0},
     {{ZEROS, PAYHSM_AGREEMENT_M3_LEN, 1}}, {HANDLE, INFO}, 0},
    {ROW(working_key_import), PAYHSM_ERR_USAGE_NOT_PERMITTED, NULL, NULL, {&own.kbpk},
     {ATTRIBUTES, {ZEROS, 16, 0}, {ZEROS, 4, 0}}, {HANDLE, INFO}, 0},
    {ROW(unionpay_sign_on), PAYHSM_ERR_USAGE_NOT_PERMITTED, NULL, NULL, {&own.kbpk}, {{ZEROS, 40, 0}},
     {{VALUE, sizeof(payhsm_working_keys_t)}}, 0},
    {ROW(key_public), 0, NULL, NULL, {&own.sign}, {{0}}, {{BUFFER, PAYHSM_EC_PUBLIC_LEN}, LEN}, 0},
    {ROW(agreement_begin), 0, NULL, NULL, {&own.psk}, {{PAN, 4, 0}, {PAN, 5, 0}},
     {{BUFFER, PAYHSM_AGREEMENT_M1_LEN}, LEN}, 0},
    {ROW(agreement_confirm), PAYHSM_ERR_VERIFICATION_FAILED, begun, NULL, {0}, {{M1, PAYHSM_AGREEMENT_M2_LEN, 1}},
     {{BUFFER, PAYHSM_AGREEMENT_M3_LEN}, LEN, HANDLE, INFO}, 0},
    {ROW(agreement_begin_signed), 0, NULL, NULL, {&own.sign}, {{PAN, 4, 0}, {PAN, 5, 0}},
     {{BUFFER, PAYHSM_AGREEMENT_M1_LEN}, LEN}, 0},
    {ROW(agreement_confirm_signed), PAYHSM_ERR_VERIFICATION_FAILED, begun_signed, NULL, {0},
     {{M1, PAYHSM_EC_PUBLIC_LEN, 0}, {M1, PAYHSM_AGREEMENT_SIGNED_M2_LEN, 1}},
     {{BUFFER, PAYHSM_AGREEMENT_SIGNED_M3_LEN}, LEN, HANDLE, INFO}, 0},
    {ROW(agreement_answer_signed), 0, NULL, NULL, {&own.sign},
     {{M1, PAYHSM_EC_PUBLIC_LEN, 0}, {PAN, 4, 0}, {PAN, 5, 0}, {M1, PAYHSM_AGREEMENT_M1_LEN, 1}},
     {{BUFFER, PAYHSM_AGREEMENT_SIGNED_M2_LEN}, LEN}, 0},
    {ROW(agreement_finish_signed), PAYHSM_ERR_VERIFICATION_FAILED, answered_signed, NULL, {0},
     {{ZEROS, PAYHSM_AGREEMENT_SIGNED_M3_LEN, 1}}, {HANDLE, INFO}, 0},
    {ROW(agreement_unauthenticated_begin), 0, NULL, NULL, {0}, {{0}}, {{BUFFER, PAYHSM_EC_PUBLIC_LEN}, LEN}, 0},
    {ROW(agreement_unauthenticated_finish), PAYHSM_ERR_EC_POINT, begun_unauthenticated, NULL, {0},
     {{ZEROS, PAYHSM_EC_PUBLIC_LEN, 0}, {PAN, 5, 0}}, {HANDLE, INFO}, 0},
    {ROW(transaction_ksn), 0, NULL, NULL, {&own.transaction}, {{0}}, {{BUFFER, PAYHSM_KSN_MAX_LEN}, LEN}, 0},
    {ROW(transaction_end), 0, NULL, another_transaction, {&own.transaction}, {{0}}, {{NOTHING, 0}}, 0},
    {ROW(dukpt_load), 0, NULL, erase_group, {&own.kbpk}, {{initial_block, 0, 0}}, {HANDLE, INITIAL}, 0},
    {ROW(dukpt_update), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.group}, {{initial_block, 0, 0}}, {INITIAL}, 0},
    {ROW(transaction_select), 0, NULL, NULL, {&own.transaction}, {{0}}, {{NOTHING, 0}}, 0},
    {ROW(dukpt_find), 0, NULL, NULL, {0}, {{0}}, {HANDLE, INITIAL}, 0},
    {ROW(dukpt_begin), 0, NULL, NULL, {&own.group}, {{0}}, {{BUFFER, PAYHSM_KSN_MAX_LEN}, LEN, HANDLE}, 0},
    {ROW(pin_encipher), 0, NULL, NULL, {&own.pin_out}, {PAN_IN}, {{BUFFER, 16}, LEN, {PIN, sizeof PIN_1234}}, 0},
    {ROW(mac_generate), 0, NULL, NULL, {&own.mac}, {{ZEROS, 21, 0}}, {{BUFFER, 16}, LEN}, 0},
    {ROW(mac_verify), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.mac}, {{ZEROS, 21, 0}, {ZEROS, 16, 0}},
     {{NOTHING, 0}}, 0},
    {ROW(mac_begin), 0, NULL, NULL, {&own.mac}, {{0}}, {{NOTHING, 0}}, 0},
    {ROW(mac_update), 0, mac_making, NULL, {0}, {{ZEROS, 21, 0}}, {{NOTHING, 0}}, 0},
    {ROW(mac_finish), 0, mac_making, NULL, {0}, {{0}}, {{BUFFER, 16}, LEN}, 0},
    {ROW(mac_finish_verify), PAYHSM_ERR_VERIFICATION_FAILED, mac_checking, NULL, {0}, {{ZEROS, 16, 0}},
     {{NOTHING, 0}}, 0},
    {ROW(data_encipher), 0, NULL, NULL, {&own.data}, {{ZEROS, 16, 0}, BLOCKS}, {{BUFFER, 32}, LEN}, 1},
    {ROW(data_decipher), 0, NULL, NULL, {&own.data}, {{ZEROS, 16, 0}, BLOCKS}, {{BUFFER, 32}, LEN}, 1},
    {ROW(mac_begin_sized), 0, NULL, NULL, {&own.mac}, {{0}}, {{NOTHING, 0}}, 0},
    {ROW(mac_translate), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.mac, &own.mac_to},
     {{ZEROS, 21, 0}, {ZEROS, 16, 0}}, {{BUFFER, 16}, LEN}, 0},
    {ROW(data_ecb_encipher), 0, NULL, NULL, {&own.data_ecb}, {{NULL, 0, 0}, BLOCKS}, {{BUFFER, 32}, LEN}, 1},
    {ROW(data_ecb_decipher), 0, NULL, NULL, {&own.data_ecb}, {{NULL, 0, 0}, BLOCKS}, {{BUFFER, 32}, LEN}, 1},
    {ROW(data_ctr), 0, NULL, NULL, {&own.data_ctr}, {{ZEROS, 16, 0}, BLOCKS}, {{BUFFER, 32}, LEN}, 1},
    {ROW(data_reencipher), 0, NULL, NULL, {&own.data, &own.data_to}, {{ZEROS, 16, 0}, BLOCKS, {ZEROS, 16, 0}},
     {{BUFFER, 32}, LEN}, 1},
    {ROW(track2_encipher), 0, NULL, NULL, {&own.track}, {{TRACK, 27, 0}}, {{BUFFER, 20}, LEN}, 0},
    {ROW(track2_decipher), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.track}, {{ZEROS, 14, 0}},
     {{BUFFER, 27}, LEN}, 0},
    {ROW(emv_ac_response), 0, NULL, NULL, {0}, {{CARD_ANSWER, 32, 0}}, {{VALUE, sizeof(payhsm_ac_response_t)}}, 0},
    {ROW(oda_verify), 0, NULL, NULL, {0}, {CA_KEY, REVOKED_IN, SALE_IN, {oda_records, 0, 0}, {oda_sent, 0, 0}, {oda_response, 0, 0}},
     {{VALUE, sizeof(payhsm_oda_result_t)}}, 0},
    {ROW(offline_pin_encipher), 0, NULL, NULL, {0}, {CA_KEY, REVOKED_IN, SALE_IN, {oda_records, 0, 0}, {ZEROS, 8, 1}},
     {{BUFFER, PAYHSM_OFFLINE_PIN_MAX_LEN}, LEN, {PIN, sizeof PIN_1234}}, 0},
    {ROW(offline_pin_plaintext), 0, NULL, NULL, {0}, {{0}}, {{BYTES, 8}, {NOTHING, 0}, {PIN, sizeof PIN_1234}}, 0},
    {ROW(dukpt_derive), 0, NULL, end_transaction, {&own.bdk}, {{KSN, 12, 0}}, {HANDLE}, 0},
    {ROW(dukpt_export_initial_key), 0, NULL, NULL, {&own.bdk, &own.kbpk}, {{ID, 8, 0}},
     {{BUFFER, 256}, LEN, {BYTES, PAYHSM_KCV_MAX_LEN}}, 0},
    {ROW(dukpt_export_update), 0, NULL, NULL, {&own.bdk, &own.bdk}, {{ID, 8, 0}, {OTHER_ID, 8, 0}},
     {{BUFFER, 256}, LEN, {BYTES, PAYHSM_KCV_MAX_LEN}}, 0},
    {ROW(ksn_split), 0, NULL, NULL, {0}, {{KSN, 12, 0}}, {{VALUE, sizeof(payhsm_ksn_fields_t)}}, 0},
    {ROW(replay_new), 0, NULL, NULL, {0}, {{ID, 8, 0}}, {{BYTES, PAYHSM_REPLAY_WINDOW_LEN}}, 0},
    {ROW(replay_check), 0, NULL, NULL, {0}, {{WINDOW, sizeof WINDOW, 1}, {ID, 8, 0}}, {{NOTHING, 0}}, 0},
    {ROW(replay_accept), 0, NULL, NULL, {0}, {{WINDOW, sizeof WINDOW, 1}, {ID, 8, 0}},
     {{BYTES, PAYHSM_REPLAY_WINDOW_LEN}}, 0},
    {ROW(pin_translate), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.pin_in, &own.pin_out},
     {PAN_IN, {ZEROS, 16, 0}}, {{BUFFER, 16}, LEN}, 0},
    {ROW(pin_translate_pans), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.pin_in, &own.pin_out},
     {PAN_IN, {ZEROS, 16, 0}, PAN_IN}, {{BUFFER, 16}, LEN}, 0},
    {ROW(pin_verify_pvv), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.pin_in, &own.pvk},
     {PAN_IN, {ZEROS, 16, 0}, {PVV, 4, 1}}, {{NOTHING, 0}}, 0},
    {ROW(pin_profile_register), 0, NULL, NULL, {0}, {{&PROFILE, sizeof PROFILE, 1}}, {HANDLE}, 0},
    {ROW(pin_verify_3624), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.pin_in, &own.pvk_3624},
     {PAN_IN, {ZEROS, 16, 0}, {PVV, 4, 0}}, {{NOTHING, 0}}, 0},
    {ROW(pvv_generate), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.pin_in, &own.pvk},
     {PAN_IN, {ZEROS, 16, 0}}, {{BYTES, 4}}, 0},
    {ROW(pin_offset_generate), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.pin_in, &own.pvk_3624},
     {PAN_IN, {ZEROS, 16, 0}}, {{BUFFER, PAYHSM_OFFSET_MAX_LEN}, LEN}, 0},
    {ROW(pin_generate_pvv), 0, NULL, NULL, {&own.pin_out, &own.pvk}, {PAN_IN}, {{BUFFER, 16}, LEN, {BYTES, 4}}, 0},
    {ROW(pin_generate_3624), 0, NULL, NULL, {&own.pin_out, &own.pvk_3624}, {PAN_IN},
     {{BUFFER, 16}, LEN, {BYTES, PAYHSM_OFFSET_MAX_LEN}}, 0},
    {ROW(pin_derive_3624), 0, NULL, NULL, {&own.pin_out, &own.pvk_3624}, {PAN_IN, {PVV, 4, 0}}, {{BUFFER, 16}, LEN}, 0},
    {ROW(pin_change_pvv), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.pin_in, &own.pin_in, &own.pvk},
     {PAN_IN, {ZEROS, 16, 0}, {ZEROS, 16, 0}, {PVV, 4, 1}}, {{BYTES, 4}}, 0},
    {ROW(pin_change_3624), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.pin_in, &own.pin_in, &own.pvk_3624},
     {PAN_IN, {ZEROS, 16, 0}, {ZEROS, 16, 0}, {PVV, 4, 0}}, {{BUFFER, PAYHSM_OFFSET_MAX_LEN}, LEN}, 0},
    {ROW(arqc_verify), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.imk},
     {PAN_IN, {FIELD55, sizeof FIELD55, 0}, {ZEROS, 4, 0}}, {{BUFFER, PAYHSM_ISSUER_AUTH_MAX_LEN}, LEN}, 0},
    {ROW(arqc_verify_raw), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.imk},
     {{&RAW, sizeof RAW, 1}, PAN_IN, {ZEROS, 37, 0}, {ZEROS, 4, 0}}, {{BUFFER, PAYHSM_ISSUER_AUTH_MAX_LEN}, LEN}, 0},
    {ROW(arqc_explain), 0, NULL, NULL, {&own.imk}, {PAN_IN, {FIELD55, sizeof FIELD55, 0}},
     {{BUFFER, PAYHSM_EXPLANATION_MAX_LEN}, LEN}, 0},
    {ROW(script_command), 0, NULL, NULL, {&own.imk_smi}, {{&SCRIPT, sizeof SCRIPT, 1}, PAN_IN, {ZEROS, 9, 0}},
     {{BUFFER, 29}, LEN}, 0},
    {ROW(script_pin_change), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.imk_smi, &own.imk_smc, &own.pin_tdea},
     {{&SCRIPT, sizeof SCRIPT, 1}, PAN_IN, {ZEROS, 8, 0}, {ZEROS, 8, 0}}, {{BUFFER, PAYHSM_PIN_CHANGE_MAX_LEN}, LEN}, 0},
    {ROW(cvv_generate), 0, NULL, NULL, {&own.cvk}, {PAN_IN, {EXPIRY, 4, 1}}, {{BUFFER, PAYHSM_CARD_VALUE_MAX_LEN}, LEN}, 0},
    {ROW(cvv_verify), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.cvk},
     {PAN_IN, {EXPIRY, 4, 1}, {DIGITS, 5, 0}}, {{NOTHING, 0}}, 0},
    {ROW(cvc3_verify), PAYHSM_ERR_VERIFICATION_FAILED, NULL, NULL, {&own.imk_dn},
     {PAN_IN, {ZEROS, 19, 0}, {ZEROS, PAYHSM_UN_LEN, 1}, {DIGITS, 5, 0}}, {{NOTHING, 0}}, 0},
    {ROW(dukpt_erase), 0, NULL, NULL, {&own.group}, {{0}}, {{NOTHING, 0}}, 0},
};
enum { CALL_COUNT = sizeof CALLS / sizeof *CALLS };

/* --- one call ------------------------------------------------------------------------------------------------------ */

static const call_t *now;
/* Where the parameters lie, each before a page that cannot be touched. */
static uint8_t *in_memory[INS], *out_memory[OUTS];

/* The right parameters, and outputs full of rubbish. */
static void right(void)
{
    size_t i;

    memset(&p, 0, sizeof p);
    p.ctx = here.ctx;
    for (i = 0; i < HANDLES; i++) {
        p.handle[i] = now->handle[i] == NULL ? 0 : *now->handle[i];
    }
    for (i = 0; i < INS; i++) {
        size_t len = now->in[i].len;

        if (now->in[i].bytes == key_block) {
            len = key_block_len;
        } else if (now->in[i].bytes == initial_block) {
            len = initial_block_len;
        } else if (now->in[i].bytes == oda_records) {
            len = oda_records_len;
        } else if (now->in[i].bytes == oda_sent) {
            len = oda_sent_len;
        } else if (now->in[i].bytes == oda_response) {
            len = oda_response_len;
        }
        p.in_len[i] = len;
        if (len > 0) {
            p.in[i] = in_memory[i] + FAR - len;
            memcpy(in_memory[i] + FAR - len, now->in[i].bytes, len);
        }
    }
    for (i = 0; i < OUTS; i++) {
        memset(out_memory[i], 0xAA, FAR);
        if (now->out[i].form != NOTHING) {
            p.out[i] = out_memory[i] + FAR - now->out[i].len;
        }
        if (now->out[i].form == PIN) {
            memcpy(p.out[i], &PIN_1234, sizeof PIN_1234);
        }
    }
    p.capacity = now->out[0].len;
}

static payhsm_status_t run(void)
{
    payhsm_status_t status;

    if (now->before != NULL) {
        now->before();
    }
    status = now->run();
    return status;
}

static void undo(void)
{
    if (now->after != NULL) {
        now->after();
    }
    /* A ceremony that a call has opened or left open. */
    no_ceremony();
}

/* Every output that is there is wiped. */
static int wiped(void)
{
    size_t i;
    int clean = 1;

    if (now->run == run_oda_verify && p.out[0] != NULL) {
        payhsm_oda_result_t result;

        memcpy(&result, p.out[0], sizeof result);
        if (result.stage != 0) {
            /* Why a card is not authenticated, and nothing else. */
            return all_zero(&result.cid, sizeof result - offsetof(payhsm_oda_result_t, cid));
        }
    }
    for (i = 0; i < OUTS; i++) {
        const size_t len = i == 0 && now->out[0].form == BUFFER ? p.capacity : now->out[i].len;

        if (p.out[i] != NULL && len <= FAR && !all_zero(p.out[i], len)) {
            clean = 0;
        }
    }
    return clean;
}

static void expect(payhsm_status_t expected, const char *what, size_t which)
{
    const payhsm_status_t status = run();
    char text[128];

    snprintf(text, sizeof text, "%s, %s %u", now->name, what, (unsigned)which);
    check_status(status, expected, text, __FILE__, __LINE__);
    if (status != PAYHSM_OK && status != PAYHSM_ERR_OVERLAP && !wiped()) {
        check_status(1, 0, text, "an output was not wiped", __LINE__);
    }
    undo();
}

static size_t in_size(size_t i)
{
    return p.in_len[i];
}

/* --- what may be wrong --------------------------------------------------------------------------------------------- */

static void nulls(void)
{
    size_t i;

    for (i = 0; i < INS; i++) {
        right();
        if (in_size(i) > 0) {
            p.in[i] = NULL;
            expect(PAYHSM_ERR_NULL_POINTER, "NULL input", i);
        }
    }
    for (i = 0; i < OUTS; i++) {
        right();
        if (p.out[i] != NULL) {
            p.out[i] = NULL;
            expect(PAYHSM_ERR_NULL_POINTER, "NULL output", i);
        }
    }
}

static void lengths(void)
{
    static const size_t impossible[] = {SIZE_MAX, SIZE_MAX / 2 + 1};
    size_t i, j, needed;

    for (j = 0; j < 2; j++) {
        for (i = 0; i < INS; i++) {
            right();
            if (in_size(i) > 0 && !now->in[i].fixed) {
                p.in_len[i] = impossible[j];
                expect(now->in_place && i == 1 ? PAYHSM_ERR_BUFFER_TOO_SMALL : PAYHSM_ERR_INVALID_LENGTH, "length", i);
            }
        }
        if (now->out[0].form == BUFFER) {
            right();
            p.capacity = impossible[j];
            expect(PAYHSM_ERR_INVALID_LENGTH, "capacity", 0);
            CHECK(out_memory[0][0] == 0xAA);
        }
    }
    /* Nothing instead of something: whatever comes of it, not a touch of what is not there. */
    for (i = 0; i < INS; i++) {
        right();
        if (in_size(i) > 0 && !now->in[i].fixed) {
            p.in[i] = NULL;
            p.in_len[i] = 0;
            CHECK(run() == PAYHSM_OK || wiped());
            undo();
        }
    }
    if (now->out[0].form == BUFFER) {
        right();
        needed = now->out[0].len;
        if (now->good == PAYHSM_OK) {
            CHECK_OK(run());
            memcpy(&needed, p.out[1], sizeof needed);
            undo();
        }
        for (i = 0; i < needed; i++) {
            right();
            p.capacity = i;
            p.out[0] = out_memory[0] + FAR - i;
            expect(PAYHSM_ERR_BUFFER_TOO_SMALL, "capacity", i);
            CHECK(out_memory[0][FAR - i - 1] == 0xAA && out_memory[0][0] == 0xAA);
        }
    }
}

static void alignments(void)
{
    size_t i;

    for (i = 0; i < OUTS; i++) {
        right();
        if (now->out[i].form == VALUE) {
            p.out[i] = (uint8_t *)p.out[i] - 1;
            check_status(run(), PAYHSM_ERR_MISALIGNED, now->name, __FILE__, __LINE__);
            CHECK(out_memory[i][FAR - now->out[i].len - 1] == 0xAA && out_memory[i][FAR - 1] == 0xAA);
            p.out[i] = NULL;
            CHECK(wiped());
            undo();
        }
    }
}

static uint32_t random_number(void)
{
    static uint32_t state = 2463534242u;

    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static int lives(uint32_t handle)
{
    uint32_t keys[sizeof own / sizeof(uint32_t)];
    size_t i;

    memcpy(keys, &own, sizeof own);
    for (i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (keys[i] == handle) {
            return 1;
        }
    }
    return 0;
}

static void handles(uint32_t stale_key, uint32_t stale_transaction)
{
    size_t i, j;

    for (i = 0; i < HANDLES && now->handle[i] != NULL; i++) {
        const uint32_t live = *now->handle[i];
        uint32_t wrong[12 + sizeof foreign / sizeof(uint32_t)];

        wrong[0] = 0;
        wrong[1] = UINT32_MAX;
        wrong[2] = live ^ 1;
        wrong[3] = live ^ 0x00080000; /* another generation */
        wrong[4] = live ^ 0x00100000; /* another index */
        wrong[5] = live ^ 0x08000000; /* an index beyond the tables */
        wrong[6] = live & 0x0FFFFFFF;
        wrong[7] = live ^ 0x80000000;
        wrong[8] = stale_key;
        wrong[9] = stale_transaction;
        /* Of another kind: a key's for a group's, a group's for a key's. */
        wrong[10] = live >> 28 == 2 ? own.kbpk : own.group;
        wrong[11] = live >> 28 == 1 ? live ^ 0x30000000 : live ^ 0x10000000;
        memcpy(wrong + 12, &foreign, sizeof foreign);
        for (j = 0; j < sizeof wrong / sizeof *wrong; j++) {
            /* Once in a million foreign handles is ours. */
            if (!lives(wrong[j]) || j == 10) {
                right();
                p.handle[i] = wrong[j];
                expect(PAYHSM_ERR_INVALID_HANDLE, "handle", j);
            }
        }
        for (j = 0; j < RANDOM_HANDLES; j++) {
            right();
            p.handle[i] = random_number();
            if (!lives(p.handle[i])) {
                expect(PAYHSM_ERR_INVALID_HANDLE, "random handle", j);
            }
        }
    }
}

/* Parameter `which`: inputs first. */
static size_t size_of(size_t which)
{
    return which < INS ? in_size(which) : now->out[which - INS].len;
}

static void move(size_t which, uint8_t *to)
{
    if (which < INS) {
        p.in[which] = to;
    } else {
        p.out[which - INS] = to;
    }
}

static void overlap(size_t output, size_t other, ptrdiff_t distance)
{
    static uint8_t area[4096], before[sizeof area], others[OUTS][FAR];
    uint8_t *const middle = area + 2048;
    size_t i;

    right();
    for (i = 0; i < sizeof area; i++) {
        area[i] = (uint8_t)(i * 31 + 7);
    }
    move(output, middle);
    move(other, middle + distance);
    memcpy(before, area, sizeof area);
    for (i = 0; i < OUTS; i++) {
        memcpy(others[i], out_memory[i], FAR);
        /* A PIN is wiped wherever it lies. */
        if (now->out[i].form == PIN) {
            if (output == INS + i || other == INS + i) {
                memset(before + ((uint8_t *)p.out[i] - area), 0, now->out[i].len);
            } else {
                memset(others[i] + FAR - now->out[i].len, 0, now->out[i].len);
            }
        }
    }
    check_status(run(), PAYHSM_ERR_OVERLAP, now->name, __FILE__, __LINE__);
    CHECK(memcmp(area, before, sizeof area) == 0);
    for (i = 0; i < OUTS; i++) {
        CHECK(memcmp(others[i], out_memory[i], FAR) == 0);
    }
    /* Nothing was given that could be undone. */
    p.out[0] = NULL;
    undo();
}

static void overlaps(void)
{
    size_t output, other;

    for (output = INS; output < INS + OUTS; output++) {
        for (other = 0; other < INS + OUTS; other++) {
            ptrdiff_t own_len, other_len;

            right();
            own_len = (ptrdiff_t)size_of(output);
            other_len = (ptrdiff_t)size_of(other);
            if (output == other || own_len == 0 || other_len == 0) {
                continue;
            }
            if (!(now->in_place && output == INS && other == 1)) {
                overlap(output, other, 0);
            }
            if (own_len > 1) {
                overlap(output, other, 1);
            }
            overlap(output, other, own_len - 1 > 0 ? own_len - 1 : 0);
            if (other_len > 1) {
                overlap(output, other, -1);
                overlap(output, other, 1 - other_len);
            }
        }
    }
}

/* Functions that know of no context. */
static int without_context(const char *name)
{
    static const char *const names[] = {"emv_ac_response", "oda_verify", "ksn_split", "replay_new", "replay_check", "replay_accept"};
    size_t i;

    for (i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Inside the context, at its first and its last byte; the context stays as it is. */
static void in_context(void)
{
    static uint8_t before[sizeof here.memory];
    const size_t len = PAYHSM_CTX_SIZE(DEVICE_SLOTS, DEVICE_GROUPS);
    uint8_t *const memory = (uint8_t *)here.ctx;
    size_t which, place;

    for (which = 0; which < INS + OUTS; which++) {
        right();
        if (size_of(which) == 0) {
            continue;
        }
        for (place = 0; place < 4; place++) {
            size_t size;
            payhsm_status_t status;

            right();
            size = size_of(which);
            move(which, place == 0 ? memory : place == 1 ? memory + len / 2 : place == 2 ? memory + len - 1 : memory - size + 1);
            if (which == INS + 2 && now->out[2].form == PIN) {
                /* It would be wiped, and the context with it. */
                continue;
            }
            if (now->before != NULL) {
                now->before();
            }
            memcpy(before, here.memory, sizeof before);
            status = now->run();
            check_status(status, PAYHSM_ERR_OVERLAP, now->name, __FILE__, __LINE__);
            CHECK(memcmp(before, here.memory, sizeof before) == 0);
            p.out[0] = NULL;
            undo();
        }
    }
}

/* --- what ends in every case --------------------------------------------------------------------------------------- */

static void over(void)
{
    uint8_t mac[16], component[16] = {1};
    uint32_t key;
    payhsm_key_info_t info;
    payhsm_state_t state;
    size_t len;

    mac_making();
    CHECK_STATUS(payhsm_mac_finish(here.ctx, 16, mac, 15, &len), PAYHSM_ERR_BUFFER_TOO_SMALL);
    CHECK_STATUS(payhsm_mac_update(here.ctx, mac, 1), PAYHSM_ERR_BAD_STATE);
    mac_making();
    CHECK_STATUS(payhsm_mac_finish(here.ctx, 16, NULL, 16, &len), PAYHSM_ERR_NULL_POINTER);
    CHECK_STATUS(payhsm_mac_update(here.ctx, mac, 1), PAYHSM_ERR_BAD_STATE);
    mac_checking();
    CHECK_STATUS(payhsm_mac_finish_verify(here.ctx, NULL, 16), PAYHSM_ERR_NULL_POINTER);
    CHECK_STATUS(payhsm_mac_update(here.ctx, mac, 1), PAYHSM_ERR_BAD_STATE);

    ceremony();
    CHECK_STATUS(payhsm_component_add(here.ctx, 1, NULL, 16, NULL, 0), PAYHSM_ERR_NULL_POINTER);
    CHECK_OK(payhsm_state(here.ctx, &state));
    CHECK(state.state == PAYHSM_STATE_OPERATIONAL);
    ceremony();
    CHECK_STATUS(payhsm_component_add(here.ctx, 1, component, 16, NULL, 5), PAYHSM_ERR_NULL_POINTER);
    CHECK_OK(payhsm_state(here.ctx, &state));
    CHECK(state.state == PAYHSM_STATE_OPERATIONAL);
    full_ceremony();
    CHECK_STATUS(payhsm_component_finish(here.ctx, NULL, &info), PAYHSM_ERR_NULL_POINTER);
    CHECK_STATUS(payhsm_component_finish(here.ctx, &key, &info), PAYHSM_ERR_BAD_STATE);

    answered();
    CHECK_STATUS(payhsm_agreement_finish(here.ctx, NULL, &key, &info), PAYHSM_ERR_NULL_POINTER);
    CHECK_STATUS(payhsm_agreement_finish(here.ctx, ZEROS, &key, &info), PAYHSM_ERR_BAD_STATE);
}

/* --- callbacks that answer what no contract says ------------------------------------------------------------------- */

static int lie;

static payhsm_status_t lying_load(void *user, uint32_t id, uint8_t *out, size_t capacity, size_t *len)
{
    (void)user;
    (void)id;
    memset(out, 0x5A, capacity);
    *len = lie == 0 ? capacity + 1 : lie == 1 ? SIZE_MAX : lie == 2 ? capacity : 1;
    return 0;
}

static void answers(void)
{
    static const payhsm_status_t odd[] = {1, -1, 12345, PAYHSM_ERR_VERIFICATION_FAILED, -100, INT32_MIN, INT32_MAX};
    static device_t third;
    payhsm_config_t config;
    payhsm_key_info_t info;
    payhsm_state_t state;
    uint8_t ksn[PAYHSM_KSN_MAX_LEN];
    uint32_t handle;
    size_t i, len;

    for (i = 0; i < sizeof odd / sizeof *odd; i++) {
        here.entropy_answer = odd[i];
        CHECK_STATUS(payhsm_key_generate(here.ctx, &DATA_KEY, 16, &handle, &info), PAYHSM_ERR_ENTROPY);
        here.entropy_answer = 0;
        here.decide_answer = odd[i];
        CHECK_STATUS(payhsm_component_begin(here.ctx, &DATA_KEY, 16, 2, NULL, 0), PAYHSM_ERR_REFUSED);
        CHECK_STATUS(payhsm_dukpt_derive(here.ctx, own.bdk, KSN, sizeof KSN, &handle), PAYHSM_ERR_REFUSED);
        here.decide_answer = 0;
        there.save_answer = odd[i];
        CHECK_STATUS(payhsm_dukpt_begin(there.ctx, foreign.group, &handle, ksn, sizeof ksn, &len), PAYHSM_ERR_STORAGE);
        CHECK(handle == 0 && len == 0 && all_zero(ksn, sizeof ksn));
        there.save_answer = 0;
    }
    /* A storage that says more than there is place for, or nonsense: the module does not start as if it were empty. */
    for (lie = 0; lie < 4; lie++) {
        config = device_config(&third, 0);
        config.storage_load = lying_load;
        CHECK_OK(payhsm_init(device_memory(&third), PAYHSM_CTX_SIZE(DEVICE_SLOTS, DEVICE_GROUPS), &config, &third.ctx));
        CHECK_OK(payhsm_state(third.ctx, &state));
        CHECK(state.state == PAYHSM_STATE_TAMPERED);
        CHECK_OK(payhsm_close(third.ctx));
    }
}

/* --- starting ------------------------------------------------------------------------------------------------------ */

static void init_overlaps(void)
{
    static uint64_t area[(PAYHSM_CTX_SIZE(DEVICE_SLOTS, DEVICE_GROUPS) + 1024) / sizeof(uint64_t)];
    static uint64_t before[sizeof area / sizeof *area];
    const size_t len = PAYHSM_CTX_SIZE(DEVICE_SLOTS, DEVICE_GROUPS);
    payhsm_config_t config = device_config(&here, 0), *inside;
    uint8_t *memory = (uint8_t *)area;
    payhsm_ctx_t *ctx[PAYHSM_STORAGE_KEY_LEN / sizeof(payhsm_ctx_t *)] = {NULL};
    size_t i;

    while ((uintptr_t)memory % PAYHSM_CTX_ALIGN != 0) {
        memory++;
    }
    /* The handle of the context in its memory. */
    for (i = 0; i < 3; i++) {
        uint8_t *place = i == 0 ? memory : i == 1 ? memory + 1024 : memory + len - sizeof *ctx;

        memset(area, 0x33, sizeof area);
        memcpy(before, area, sizeof area);
        CHECK_STATUS(payhsm_init(memory, len, &config, (payhsm_ctx_t **)(void *)place), PAYHSM_ERR_OVERLAP);
        CHECK(memcmp(before, area, sizeof area) == 0);
    }
    /* The configuration, and the storage key that it names. */
    inside = (payhsm_config_t *)(void *)(memory + 512);
    memcpy(inside, &config, sizeof config);
    memcpy(before, area, sizeof area);
    CHECK_STATUS(payhsm_init(memory, len, inside, ctx), PAYHSM_ERR_OVERLAP);
    CHECK_STATUS(payhsm_init(memory + 1008, len, inside, (payhsm_ctx_t **)(void *)&inside->user), PAYHSM_ERR_OVERLAP);
    config.storage_key = memory + len - 1;
    CHECK_STATUS(payhsm_init(memory, len, &config, ctx), PAYHSM_ERR_OVERLAP);
    config.storage_key = (const uint8_t *)ctx;
    CHECK_STATUS(payhsm_init(memory, len, &config, &ctx[1]), PAYHSM_ERR_OVERLAP);
    CHECK(memcmp(before, area, sizeof area) == 0 && all_zero(ctx, sizeof ctx));
}

int main(void)
{
    uint32_t stale_key, stale_transaction;
    size_t i;

    for (i = 0; i < INS; i++) {
        in_memory[i] = guarded(FAR, 0);
    }
    for (i = 0; i < OUTS; i++) {
        out_memory[i] = guarded(FAR, 0);
    }
    fill(&there, &foreign);
    card_make();
    fill(&here, &own);
    stale_transaction = own.transaction;
    another_transaction();
    stale_key = make(&here, "D0", 'A', 'B', 'N');
    CHECK_OK(payhsm_key_erase(here.ctx, stale_key));

    init_overlaps();
    answers();
    over();
    for (i = 0; i < CALL_COUNT; i++) {
        now = &CALLS[i];
        if (!without_context(now->name)) {
            in_context();
        }
        overlaps();
        nulls();
        lengths();
        alignments();
        handles(stale_key, stale_transaction);
    }
    /* And nothing of this has changed anything: the right calls still are right. */
    for (i = 0; i < CALL_COUNT; i++) {
        now = &CALLS[i];
        if (now->handle[0] == &own.transaction) {
            another_transaction();
        }
        right();
        expect(now->good, "right call", 0);
        if (now->run == run_key_erase) {
            own.data = make(&here, "D0", 'A', 'B', 'N');
        }
    }
    CHECK_OK(payhsm_close(here.ctx));
    CHECK_OK(payhsm_close(there.ctx));
    return check_end("pointers");
}
