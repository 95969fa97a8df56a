/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * One transaction from the card to the receipt.
 *
 *   reversal that is due -> card -> PIN -> DUKPT begin -> request: PIN block, track 2, field 55, MAC
 *                        -> host -> MAC of the answer -> the answer's elements -> card -> receipt
 *
 * Rules that this file keeps:
 *  - nothing of an answer is used before its MAC has verified;
 *  - a request that may have reached the host and has no authentic answer is reversed, in a transaction of its own;
 *  - the DUKPT transaction ends on every path, and with it its keys; so do card data and PIN.
 */
#include <string.h>

#include "internal.h"
#include "text.h"

static const uint8_t COUNTRY[2] = {0x01, 0x56};  /* 156 */
static const uint8_t CURRENCY[2] = {0x01, 0x56}; /* 156 */
static const uint8_t REVERSAL_REQUEST[2] = {0x04, 0x20};
static const uint8_t REVERSAL_ANSWER[2] = {0x04, 0x30};
#define AMOUNT_END 1000000000000ull

/* What kinds of transaction differ in. */
typedef struct kind {
    uint8_t request[2], answer[2];
    uint8_t type; /* 9C, and the first two digits of the processing code */
    uint8_t card, cryptogram, pin, moves_money;
} kind_t;

static const kind_t *kind_of(uint32_t number) {
    static const kind_t kinds[] = {
        {{0x02, 0x00}, {0x02, 0x10}, 0x00, 1, 1, 1, 1}, /* TERMINAL_SALE */
        {{0x01, 0x00}, {0x01, 0x10}, 0x31, 1, 1, 1, 0}, /* TERMINAL_BALANCE */
        {{0x02, 0x00}, {0x02, 0x10}, 0x20, 1, 0, 0, 1}, /* TERMINAL_REFUND */
        {{0x02, 0x00}, {0x02, 0x10}, 0x00, 0, 0, 0, 1}, /* TERMINAL_QR_SALE */
    };
    return number >= TERMINAL_SALE && number <= TERMINAL_QR_SALE ? &kinds[number - 1] : NULL;
}

/* A transaction of the terminal that runs. */
typedef struct run {
    const kind_t *kind;
    const scheme_t *scheme;
    uint32_t group;
    uint32_t transaction; /* 0: none */
    uint8_t ksn[PAYHSM_KSN_MAX_LEN];
    size_t ksn_len;
    uint8_t stan[3];
    uint8_t amount[6];
} run_t;

static payhsm_status_t begin(terminal_t *terminal, run_t *run) {
    if (run->group == 0) {
        return PAYHSM_ERR_NO_KEY;
    }
    return payhsm_dukpt_begin(terminal->hsm, run->group, &run->transaction, run->ksn, sizeof run->ksn, &run->ksn_len);
}

static void end(terminal_t *terminal, run_t *run) {
    if (run->transaction != 0) {
        terminal_ignore(payhsm_transaction_end(terminal->hsm, run->transaction));
        run->transaction = 0;
    }
}

/* The elements that every request has. */
static void put_common(terminal_t *terminal, const run_t *run, const uint8_t type[2]) {
    const uint8_t processing[3] = {run->kind->type, 0x00, 0x00};
    message_t *request = &terminal->request;
    message_begin(request, TEMPLATE_REQUEST);
    message_put(request, TAG_TYPE, type, 2);
    message_put(request, TAG_PROCESSING, processing, sizeof processing);
    message_put(request, TAG_STAN, run->stan, sizeof run->stan);
    message_put(request, TAG_TERMINAL, terminal->platform.terminal_id, TERMINAL_ID_LEN);
    message_put(request, TAG_KSN, run->ksn, run->ksn_len);
    message_put(request, TAG_AMOUNT, run->amount, sizeof run->amount);
    message_put(request, TAG_CURRENCY, CURRENCY, sizeof CURRENCY);
}

/* The enciphered PIN block. The library wipes the PIN. */
static payhsm_status_t put_pin(terminal_t *terminal, const run_t *run, payhsm_pin_t *pin) {
    uint8_t block[PAYHSM_PIN_BLOCK_MAX_LEN];
    size_t len;
    const payhsm_status_t status =
        payhsm_pin_encipher(terminal->hsm, run->transaction, run->scheme->pin_format, terminal->card.pan,
                            terminal->card.pan_len, pin, block, sizeof block, &len);
    if (status == PAYHSM_OK) {
        message_put(&terminal->request, TAG_PIN_BLOCK, block, len);
    }
    return status;
}

/* Element 57 and zero bytes up to whole blocks, enciphered. The key serves this message only: the vector may be zero. */
static payhsm_status_t put_track2(terminal_t *terminal, const run_t *run) {
    static const uint8_t zeros[16] = {0};
    const card_t *card = &terminal->card;
    const size_t block = run->scheme->block_len;
    uint8_t data[32] = {TAG_TRACK2, (uint8_t)card->track2_len};
    size_t len = 2 + card->track2_len;
    if (card->track2_len > CARD_TRACK2_MAX) {
        return PAYHSM_ERR_INVALID_LENGTH;
    }
    memcpy(data + 2, card->track2, card->track2_len);
    len = (len + block - 1) / block * block;
    const payhsm_status_t status = payhsm_data_encipher(terminal->hsm, run->transaction, zeros, block, data, len, data,
                                                        sizeof data, &len);
    if (status == PAYHSM_OK) {
        message_put(&terminal->request, TAG_TRACK2_ENCIPHERED, data, len);
        if (card->has_psn) {
            message_put(&terminal->request, TAG_PSN, &card->psn, 1);
        }
    }
    terminal_wipe(data, sizeof data);
    return status;
}

static void put_field55(terminal_t *terminal) {
    /* The place of the answer is free as long as the request is in the making. */
    message_t *field = &terminal->answer;
    field->len = 0;
    field->overflow = 0;
    card_field55(&terminal->card, field);
    message_put(&terminal->request, TAG_FIELD55, field->bytes, field->len);
    terminal->request.overflow |= field->overflow;
}

/* Sends the request under its MAC and gives the elements of an authentic answer to it. */
static terminal_result_t converse(terminal_t *terminal, const run_t *run, const uint8_t answer_type[2],
                                  span_t *content, payhsm_status_t *status) {
    *status = message_seal(&terminal->request, terminal->hsm, run->transaction, run->scheme->mac_method);
    if (*status != PAYHSM_OK) {
        return TERMINAL_MODULE;
    }
    const terminal_result_t result = terminal_exchange(terminal);
    if (result != TERMINAL_APPROVED) {
        return result;
    }
    *status = message_open(&terminal->answer, terminal->hsm, run->transaction, run->scheme->mac_method,
                           TEMPLATE_ANSWER, content);
    if (*status != PAYHSM_OK) {
        return TERMINAL_BAD_ANSWER;
    }
    span_t type, stan;
    if (!tlv_exactly(*content, TAG_TYPE, 2, &type) || memcmp(type.data, answer_type, 2) != 0 ||
        !tlv_exactly(*content, TAG_STAN, sizeof run->stan, &stan) ||
        memcmp(stan.data, run->stan, sizeof run->stan) != 0) {
        return TERMINAL_BAD_ANSWER;
    }
    return TERMINAL_APPROVED;
}

/* Delivers the reversal that is due. It stays due until an authentic answer says that it arrived. */
static terminal_result_t reverse(terminal_t *terminal) {
    reversal_t *due = &terminal->reversal;
    if (due->stan == 0) {
        return TERMINAL_APPROVED;
    }
    run_t run;
    memset(&run, 0, sizeof run);
    run.kind = kind_of(TERMINAL_SALE);
    run.scheme = &terminal_schemes[due->scheme];
    run.group = terminal->groups[due->scheme];
    uint8_t original[3];
    payhsm_status_t status;
    if (!bcd_put(due->stan, original, sizeof original) ||
        !bcd_put(terminal->platform.next_stan(terminal->platform.user), run.stan, sizeof run.stan)) {
        return TERMINAL_MISUSE;
    }
    terminal_result_t result = TERMINAL_MODULE;
    if (begin(terminal, &run) == PAYHSM_OK) {
        span_t content;
        put_common(terminal, &run, REVERSAL_REQUEST);
        message_put(&terminal->request, TAG_ORIGINAL_STAN, original, sizeof original);
        result = converse(terminal, &run, REVERSAL_ANSWER, &content, &status);
        if (result == TERMINAL_APPROVED) {
            due->stan = 0;
        }
    }
    end(terminal, &run);
    return result;
}

static void mask_pan(const card_t *card, char out[20]) {
    size_t i;
    for (i = 0; i < card->pan_len && i < 19; i++) {
        out[i] = i < 6 || i + 4 >= card->pan_len ? (char)card->pan[i] : '*';
    }
    out[i] = '\0';
}

/* Everything of the card before the host is asked. */
static terminal_result_t read_card(terminal_t *terminal, const terminal_order_t *order, const run_t *run,
                                   payhsm_status_t *status) {
    const terminal_platform_t *platform = &terminal->platform;
    card_t *card = &terminal->card;
    card_objects_t *objects = &card->objects;
    memset(card, 0, sizeof *card);
    memcpy(objects->amount, run->amount, sizeof objects->amount);
    memcpy(objects->country, COUNTRY, sizeof COUNTRY);
    memcpy(objects->currency, CURRENCY, sizeof CURRENCY);
    platform->today(platform->user, objects->date);
    objects->type = run->kind->type;
    *status = payhsm_random(terminal->hsm, objects->unpredictable, sizeof objects->unpredictable);
    if (*status != PAYHSM_OK) {
        return TERMINAL_MODULE;
    }
    if (order->interface == TERMINAL_CONTACTLESS) {
        if (!card_tap(card, platform)) {
            return TERMINAL_CARD_ERROR;
        }
    } else if (!card_read_contact(card, platform) ||
               (run->kind->cryptogram && !card_generate_ac(card, platform, PAYHSM_CRYPTOGRAM_ARQC, 0))) {
        return TERMINAL_CARD_ERROR;
    }
    if (run->kind->cryptogram && card->ac.kind != PAYHSM_CRYPTOGRAM_ARQC) {
        /* Approving offline is not for this terminal, and the card was asked to go online. */
        return card->ac.kind == PAYHSM_CRYPTOGRAM_AAC ? TERMINAL_CARD_DECLINED : TERMINAL_CARD_ERROR;
    }
    return TERMINAL_APPROVED;
}

/* The card's last word: it hears the issuer and then gives TC or AAC. A contactless card has left. */
static terminal_result_t complete_card(terminal_t *terminal, const terminal_order_t *order, const run_t *run,
                                       span_t content, int approved, terminal_receipt_t *receipt) {
    const terminal_platform_t *platform = &terminal->platform;
    card_t *card = &terminal->card;
    if (!run->kind->cryptogram || order->interface != TERMINAL_CONTACT) {
        return approved ? TERMINAL_APPROVED : TERMINAL_DECLINED;
    }
    span_t data;
    const int found = tlv_find(content, TAG_ISSUER_AUTHENTICATION, &data);
    if (found > 0 && card_wants_issuer(card) && !card_authenticate_issuer(card, platform, data)) {
        /* The card did not recognise its issuer. It is asked for a TC all the same and decides itself. */
        card->objects.tvr[4] |= 0x40;
    }
    memcpy(card->objects.response_code, receipt->code, 2);
    const uint32_t wanted = approved ? PAYHSM_CRYPTOGRAM_TC : PAYHSM_CRYPTOGRAM_AAC;
    if (!card_generate_ac(card, platform, wanted, 1)) {
        return approved ? TERMINAL_CARD_ERROR : TERMINAL_DECLINED;
    }
    memcpy(receipt->tc, card->ac.cryptogram, sizeof receipt->tc);
    if (!approved) {
        return TERMINAL_DECLINED;
    }
    return card->ac.kind == PAYHSM_CRYPTOGRAM_TC ? TERMINAL_APPROVED : TERMINAL_CARD_DECLINED;
}

/* What an authentic answer says. */
static terminal_result_t take_answer(terminal_t *terminal, const terminal_order_t *order, const run_t *run,
                                     span_t content, terminal_receipt_t *receipt) {
    span_t code, balance;
    if (!tlv_exactly(content, TAG_RESPONSE_CODE, 2, &code)) {
        return TERMINAL_BAD_ANSWER;
    }
    memcpy(receipt->code, code.data, 2);
    const int approved = code.data[0] == '0' && code.data[1] == '0';
    const terminal_result_t result = complete_card(terminal, order, run, content, approved, receipt);
    if (result == TERMINAL_APPROVED && order->kind == TERMINAL_BALANCE) {
        if (!tlv_exactly(content, TAG_BALANCE, 6, &balance) || !bcd_get(balance, &receipt->balance)) {
            return TERMINAL_BAD_ANSWER;
        }
        receipt->has_balance = 1;
    }
    return result;
}

/* From the card to the answer. The caller ends what this began. */
static terminal_result_t perform(terminal_t *terminal, const terminal_order_t *order, run_t *run, payhsm_pin_t *pin,
                                 terminal_receipt_t *receipt) {
    const terminal_platform_t *platform = &terminal->platform;
    terminal_result_t result;
    if (run->kind->card) {
        result = read_card(terminal, order, run, &receipt->status);
        if (result != TERMINAL_APPROVED) {
            return result;
        }
        mask_pan(&terminal->card, receipt->pan);
        memcpy(receipt->arqc, terminal->card.ac.cryptogram, sizeof receipt->arqc);
        receipt->atc = terminal->card.ac.atc;
    }
    if (run->kind->pin && platform->read_pin(platform->user, pin) != 0) {
        return TERMINAL_NO_PIN;
    }

    /* From here on this KSN is used up, whatever happens. */
    receipt->status = begin(terminal, run);
    if (receipt->status != PAYHSM_OK) {
        return TERMINAL_MODULE;
    }
    memcpy(receipt->ksn, run->ksn, run->ksn_len);
    receipt->ksn_len = (uint8_t)run->ksn_len;

    put_common(terminal, run, run->kind->request);
    if (run->kind->pin) {
        receipt->status = put_pin(terminal, run, pin);
    }
    if (receipt->status == PAYHSM_OK && run->kind->card) {
        receipt->status = put_track2(terminal, run);
    }
    if (receipt->status != PAYHSM_OK) {
        return TERMINAL_MODULE;
    }
    if (run->kind->cryptogram) {
        put_field55(terminal);
    }
    if (order->kind == TERMINAL_QR_SALE) {
        message_put(&terminal->request, TAG_QR, order->qr, order->qr_len);
    }

    /* It is due before the request leaves: if the power goes now, the money must not. */
    if (run->kind->moves_money) {
        terminal->reversal.stan = receipt->stan;
        terminal->reversal.scheme = run->scheme == &terminal_schemes[SCHEME_TDEA] ? SCHEME_TDEA : SCHEME_AES;
    }
    span_t content;
    result = converse(terminal, run, run->kind->answer, &content, &receipt->status);
    if (result != TERMINAL_APPROVED) {
        return result;
    }
    result = take_answer(terminal, order, run, content, receipt);
    if (result == TERMINAL_APPROVED || result == TERMINAL_DECLINED) {
        terminal->reversal.stan = 0;
    }
    return result;
}

static void show_result(terminal_t *terminal, const terminal_receipt_t *receipt) {
    static const char *const texts[] = {
        "APPROVED",          "DECLINED ",       "CARD DECLINED",         "CARD ERROR", "CANCELLED",
        "NO ANSWER FROM HOST", "ANSWER NOT AUTHENTIC", "NOT POSSIBLE", "NOT POSSIBLE",
    };
    text_t text;
    text_begin(&text);
    if (receipt->result >= TERMINAL_APPROVED && receipt->result <= TERMINAL_MISUSE) {
        text_put(&text, texts[receipt->result]);
    }
    if (receipt->result == TERMINAL_DECLINED) {
        text_put(&text, receipt->code);
    }
    if (receipt->has_balance) {
        text_put(&text, "  BALANCE ");
        text_put_amount(&text, receipt->balance);
    }
    if (receipt->reversed == 1) {
        text_put(&text, ", REVERSED");
    }
    terminal->platform.show(terminal->platform.user, text.line);
}

terminal_result_t terminal_transact(terminal_t *terminal, const terminal_order_t *order, terminal_receipt_t *receipt) {
    run_t run;
    payhsm_pin_t pin;
    memset(receipt, 0, sizeof *receipt);
    memset(&run, 0, sizeof run);
    memset(&pin, 0, sizeof pin);
    receipt->result = TERMINAL_MISUSE;
    run.kind = kind_of(order->kind);
    if (terminal->hsm == NULL || run.kind == NULL || order->amount >= AMOUNT_END || order->qr_len > TERMINAL_QR_MAX) {
        return receipt->result;
    }
    const uint32_t scheme = order->interface == TERMINAL_CONTACT ? SCHEME_TDEA : SCHEME_AES;
    run.scheme = &terminal_schemes[scheme];
    run.group = terminal->groups[scheme];

    /* One reversal at a time is kept: nothing new before the host has it. */
    receipt->result = reverse(terminal);
    if (receipt->result != TERMINAL_APPROVED) {
        receipt->reversed = 2;
        show_result(terminal, receipt);
        return receipt->result;
    }

    receipt->stan = terminal->platform.next_stan(terminal->platform.user);
    if (!bcd_put(receipt->stan, run.stan, sizeof run.stan) || !bcd_put(order->amount, run.amount, sizeof run.amount)) {
        receipt->result = TERMINAL_MISUSE;
        return receipt->result;
    }
    receipt->result = perform(terminal, order, &run, &pin, receipt);
    end(terminal, &run);
    terminal_wipe(&pin, sizeof pin);
    terminal_wipe(&terminal->card, sizeof terminal->card);

    if (terminal->reversal.stan != 0) {
        receipt->reversed = reverse(terminal) == TERMINAL_APPROVED ? 1 : 2;
    }
    show_result(terminal, receipt);
    return receipt->result;
}
