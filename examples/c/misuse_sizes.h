/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Part of misuse.c. */
/* Structures of another header: a size that the library does not know. */
static void sizes(device_t *device)
{
    payhsm_pin_profile_t profile = {.size = sizeof profile};
    payhsm_export_t asked = {.size = sizeof asked};
    payhsm_script_target_t target = {.size = sizeof target};
    payhsm_raw_cryptogram_t raw = {.size = sizeof raw};
    static payhsm_ca_key_t ca = {.size = sizeof ca};
    payhsm_oda_transaction_t sale = {.size = sizeof sale};
    payhsm_oda_result_t *result = guarded(sizeof *result, 0xAA);
    payhsm_pin_t pin;
    uint32_t *sizes[7], i;
    int change;

    sizes[0] = &out.state->size;
    sizes[1] = &profile.size;
    sizes[2] = &asked.size;
    sizes[3] = &target.size;
    sizes[4] = &raw.size;
    sizes[5] = &ca.size;
    sizes[6] = &sale.size;
    out.state->size = sizeof *out.state;
    for (i = 0; i < 7; i++) {
        for (change = 0; change < 4; change++) {
            /* A state that ends before its last fields is an older header's. */
            const uint32_t right = *sizes[i], wrong[] = {0, i == 0 ? right - 12 : right - 4, right + 4, UINT32_MAX};

            *sizes[i] = wrong[change];
            outputs_spoil();
            out.state->size = i == 0 ? wrong[change] : sizeof *out.state;
            memset(result, 0xAA, sizeof *result);
            memset(&pin, 1, sizeof pin);
#define UNKNOWN(which, call)                              \
    if (i == (which)) {                                   \
        CHECK_STATUS((call), PAYHSM_ERR_ABI_MISMATCH);    \
    }
            UNKNOWN(0, payhsm_state(device->ctx, out.state))
            UNKNOWN(1, payhsm_pin_profile_register(device->ctx, &profile, out.handle))
            UNKNOWN(2, payhsm_key_export_as(device->ctx, NO_KEY, NO_KEY + 1, &asked, NULL, 0, out.bytes, 256, out.len))
            UNKNOWN(3, payhsm_script_command(device->ctx, NO_KEY, 0, &target, PAN, 13, PAYHSM_SCRIPT_CARD_BLOCK, 0, NULL, 0,
                                             out.bytes, 256, out.len))
            UNKNOWN(4, payhsm_arqc_verify_raw(device->ctx, NO_KEY, &raw, PAN, 13, NULL, 0, NULL, 0, out.bytes, 256, out.len))
            if (i >= 5) {
                CHECK_STATUS(payhsm_oda_verify(PAYHSM_ODA_SDA, &ca, NULL, 0, &sale, PAN, 13, NULL, 0, NULL, 0, result),
                             PAYHSM_ERR_ABI_MISMATCH);
                CHECK(all_zero(result, sizeof *result));
                CHECK_STATUS(payhsm_offline_pin_encipher(device->ctx, &ca, NULL, 0, &sale, PAN, 13, PAN, &pin, out.bytes, 256,
                                                         out.len), PAYHSM_ERR_ABI_MISMATCH);
                CHECK(all_zero(&pin, sizeof pin));
            }
            CHECK(i != 1 || *out.handle == 0);
            CHECK(i < 2 || (*out.len == 0 && all_zero(out.bytes, 256)));
            *sizes[i] = right;
        }
    }
}
