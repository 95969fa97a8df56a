/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Many jobs at once: a part of selfcheck.c, which alone reads it. */
#ifndef EXAMPLE_SELFCHECK_BATCH_H
#define EXAMPLE_SELFCHECK_BATCH_H

/* 70 jobs, every seventh malformed in one way or another, the others with a PIN block that is right. */
static void batch(device_t *host, uint32_t bdk, uint32_t zone, uint32_t pvk, const uint8_t *ksn, const uint8_t *block)
{
    static payhsm_batch_pin_verify_t verify[70];
    static payhsm_batch_pin_translate_t translate[70];
    static payhsm_batch_pin_block_t blocks[70];
    static payhsm_status_t statuses[70];
    size_t i;

    memset(verify, 0, sizeof verify);
    memset(translate, 0, sizeof translate);
    for (i = 0; i < 70; i++) {
        payhsm_batch_pin_verify_t *v = &verify[i];
        payhsm_batch_pin_translate_t *t = &translate[i];

        v->size = sizeof *v;
        t->size = sizeof *t;
        v->bdk = t->bdk = bdk;
        v->pvk = pvk;
        v->pvki = 1;
        t->output_key = zone;
        v->format = t->format_in = PAYHSM_PIN_FORMAT_0;
        t->format_out = PAYHSM_PIN_FORMAT_3;
        v->ksn_len = t->ksn_len = 10;
        v->pan_len = t->pan_len = 13;
        v->block_len = t->block_len = 8;
        memcpy(v->ksn, ksn, 10);
        memcpy(t->ksn, ksn, 10);
        memcpy(v->pan, PAN, 13);
        memcpy(t->pan, PAN, 13);
        memcpy(v->block, block, 8);
        memcpy(t->block, block, 8);
        memcpy(v->pvv, "0000", 4);
    }
    translate[0].ksn_len = 13;
    translate[7].ksn_len = 9;
    translate[14].block_len = 7;
    translate[21].size--;
    translate[28].bdk = zone;
    translate[35].pan_len = 12;
    translate[42].format_in = PAYHSM_PIN_FORMAT_1;
    translate[49].output_key = 0;
    translate[56].block[7] ^= 1;
    translate[63].pan[0] = 'A';
    CHECK_OK(payhsm_batch_pin_translate(host->ctx, translate, 70, blocks, statuses));
    for (i = 0; i < 70; i++) {
        static const payhsm_status_t wrong[10] = {
            PAYHSM_ERR_INVALID_LENGTH,        PAYHSM_ERR_INVALID_KSN,          PAYHSM_ERR_INVALID_LENGTH,
            PAYHSM_ERR_ABI_MISMATCH,          PAYHSM_ERR_USAGE_NOT_PERMITTED,  PAYHSM_ERR_INVALID_PAN,
            PAYHSM_ERR_FORMAT_NOT_PERMITTED,  PAYHSM_ERR_INVALID_HANDLE,       PAYHSM_ERR_VERIFICATION_FAILED,
            PAYHSM_ERR_INVALID_PAN};

        CHECK_STATUS(statuses[i], i % 7 == 0 ? wrong[i / 7] : PAYHSM_OK);
        CHECK(i % 7 == 0 ? blocks[i].len == 0 && all_zero(blocks[i].block, 16)
                         : blocks[i].len == 8 && !all_zero(blocks[i].block, 8) && all_zero(blocks[i].block + 8, 8));
    }
    verify[3].pvki = 10;
    CHECK_OK(payhsm_batch_pin_verify_pvv(host->ctx, verify, 70, statuses));
    for (i = 0; i < 70; i++) {
        CHECK_STATUS(statuses[i], i == 3 ? PAYHSM_ERR_INVALID_DIGIT : PAYHSM_ERR_VERIFICATION_FAILED);
    }
    /* No status looks like a success if the call fails. */
    memset(statuses, 0, sizeof statuses);
    CHECK_STATUS(payhsm_batch_pin_verify_pvv(host->ctx, NULL, 70, statuses), PAYHSM_ERR_NULL_POINTER);
    CHECK(statuses[0] != PAYHSM_OK && statuses[69] != PAYHSM_OK);
    CHECK_STATUS(payhsm_batch_pin_verify_pvv(host->ctx, verify, 1, NULL), PAYHSM_ERR_NULL_POINTER);
    CHECK_STATUS(payhsm_batch_pin_verify_pvv(host->ctx, verify, (size_t)-1 / 4, statuses), PAYHSM_ERR_INVALID_LENGTH);
    CHECK_OK(payhsm_batch_pin_verify_pvv(host->ctx, NULL, 0, NULL));
}

/* 70 jobs over one place with messages: every seventh wrong in one way or another. */
static void batch_macs(device_t *host, uint32_t bdk, const uint8_t *ksn, const uint8_t *mac)
{
    static payhsm_batch_mac_verify_t jobs[70];
    static payhsm_status_t statuses[70];
    static uint8_t messages[100];
    size_t i;

    memcpy(messages + 40, MESSAGE, 17);
    memset(jobs, 0, sizeof jobs);
    for (i = 0; i < 70; i++) {
        payhsm_batch_mac_verify_t *job = &jobs[i];

        job->size = sizeof *job;
        job->bdk = bdk;
        job->mac_method = PAYHSM_MAC_X9_19;
        job->data_offset = 40;
        job->data_len = 17;
        job->ksn_len = 10;
        job->mac_len = (uint32_t)(4 + i % 5);
        memcpy(job->ksn, ksn, 10);
        memcpy(job->mac, mac, 8);
    }
    jobs[0].mac[3] ^= 1;
    jobs[7].data_offset = 84;
    jobs[14].data_offset = 0xFFFFFFFF;
    jobs[21].size++;
    jobs[28].mac_len = 3;
    jobs[35].mac_len = 17;
    jobs[42].mac_method = PAYHSM_MAC_CMAC;
    jobs[49].mac_method = 99;
    jobs[56].ksn[9] = (uint8_t)(ksn[9] + 1);
    jobs[63].bdk = 0;
    CHECK_OK(payhsm_batch_mac_verify(host->ctx, jobs, 70, messages, sizeof messages, statuses));
    for (i = 0; i < 70; i++) {
        static const payhsm_status_t wrong[10] = {
            PAYHSM_ERR_VERIFICATION_FAILED, PAYHSM_ERR_INVALID_LENGTH,   PAYHSM_ERR_INVALID_LENGTH,
            PAYHSM_ERR_ABI_MISMATCH,        PAYHSM_ERR_INVALID_LENGTH,   PAYHSM_ERR_INVALID_LENGTH,
            PAYHSM_ERR_INVALID_LENGTH,      PAYHSM_ERR_INVALID_ARGUMENT, PAYHSM_ERR_VERIFICATION_FAILED,
            PAYHSM_ERR_INVALID_HANDLE};

        CHECK_STATUS(statuses[i], i % 7 == 0 ? wrong[i / 7] : PAYHSM_OK);
    }
    CHECK(host->asked == PAYHSM_ASK_DUKPT_COUNTER);
    memset(statuses, 0, sizeof statuses);
    CHECK_STATUS(payhsm_batch_mac_verify(host->ctx, jobs, 70, NULL, 100, statuses), PAYHSM_ERR_NULL_POINTER);
    CHECK(statuses[0] != PAYHSM_OK && statuses[69] != PAYHSM_OK);
    CHECK_OK(payhsm_batch_mac_verify(host->ctx, NULL, 0, NULL, 0, NULL));
}

/* 20 values of one card: every fourth wrong. */
static void batch_values(device_t *issuer, uint32_t cvk, const char *account, const char *date, const uint8_t *value)
{
    static payhsm_batch_cvv_verify_t jobs[20];
    static payhsm_status_t statuses[20];
    size_t i;

    memset(jobs, 0, sizeof jobs);
    for (i = 0; i < 20; i++) {
        payhsm_batch_cvv_verify_t *job = &jobs[i];

        job->size = sizeof *job;
        job->cvk = cvk;
        job->kind = PAYHSM_CVV_STRIPE;
        job->service_code = 101;
        job->pan_len = 16;
        job->value_len = 3;
        memcpy(job->pan, account, 16);
        memcpy(job->expiry, date, 4);
        memcpy(job->value, value, 3);
    }
    jobs[0].value[2] = jobs[0].value[2] == '0' ? '1' : '0';
    jobs[4].service_code = 999;
    jobs[8].value_len = 9;
    jobs[12].expiry[0] = 'x';
    jobs[16].size = 0;
    CHECK_OK(payhsm_batch_cvv_verify(issuer->ctx, jobs, 20, statuses));
    for (i = 0; i < 20; i++) {
        static const payhsm_status_t wrong[5] = {PAYHSM_ERR_VERIFICATION_FAILED, PAYHSM_ERR_INVALID_ARGUMENT,
                                                 PAYHSM_ERR_INVALID_LENGTH, PAYHSM_ERR_INVALID_DIGIT,
                                                 PAYHSM_ERR_ABI_MISMATCH};

        CHECK_STATUS(statuses[i], i % 4 == 0 ? wrong[i / 4] : PAYHSM_OK);
    }
    CHECK_STATUS(payhsm_batch_cvv_verify(issuer->ctx, NULL, 1, statuses), PAYHSM_ERR_NULL_POINTER);
}

/* One block three times, of which the second one is damaged; what came in goes again. */
static void batch_keys(device_t *device, uint32_t kbpk, const char *block)
{
    payhsm_batch_key_import_t jobs[4];
    payhsm_batch_key_t keys[4];
    payhsm_status_t statuses[4];
    uint8_t blocks[200];
    size_t i;

    memcpy(blocks + 10, block, 80);
    memcpy(blocks + 90, block, 80);
    blocks[90 + 70] ^= 1;
    memset(jobs, 0, sizeof jobs);
    memset(keys, 0xAA, sizeof keys);
    for (i = 0; i < 4; i++) {
        jobs[i].size = sizeof jobs[i];
        jobs[i].kbpk = kbpk;
        jobs[i].profile = PAYHSM_PROFILE_X9_143_STRICT;
        jobs[i].block_offset = i == 1 ? 90 : 10;
        jobs[i].block_len = 80;
    }
    jobs[3].block_offset = 121;
    CHECK_OK(payhsm_batch_key_import(device->ctx, jobs, 4, blocks, sizeof blocks, keys, statuses));
    CHECK_OK(statuses[0]);
    CHECK_OK(statuses[2]);
    CHECK(statuses[1] != PAYHSM_OK && keys[1].key == 0 && all_zero(&keys[1], sizeof keys[1]));
    CHECK_STATUS(statuses[3], PAYHSM_ERR_INVALID_LENGTH);
    CHECK(all_zero(&keys[3], sizeof keys[3]) && keys[0].key != keys[2].key && keys[0].info.kcv_len != 0);
    CHECK(memcmp(&keys[0].info, &keys[2].info, sizeof keys[0].info) == 0);
    CHECK_OK(payhsm_key_erase(device->ctx, keys[0].key));
    CHECK_OK(payhsm_key_erase(device->ctx, keys[2].key));
}

#endif
