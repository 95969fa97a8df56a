/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "card.h"

#include <string.h>

#define COMMAND_MAX 261u

/* Sends a command and gives the data of an answer whose status words are 9000. */
static int transmit(card_t *card, const terminal_platform_t *platform, const uint8_t header[4], const uint8_t *data,
                    size_t data_len, span_t *answer) {
    uint8_t command[COMMAND_MAX];
    size_t len = 0, answer_len = 0;
    if (data_len > 255) {
        return 0;
    }
    memcpy(command, header, 4);
    len = 4;
    if (data_len > 0) {
        command[len++] = (uint8_t)data_len;
        memcpy(command + len, data, data_len);
        len += data_len;
    }
    command[len++] = 0x00; /* Le: whatever there is */
    if (platform->card(platform->user, command, len, card->answer, sizeof card->answer, &answer_len) != 0) {
        return 0;
    }
    if (answer_len < 2 || answer_len > sizeof card->answer || card->answer[answer_len - 2] != 0x90 ||
        card->answer[answer_len - 1] != 0x00) {
        return 0;
    }
    answer->data = card->answer;
    answer->len = answer_len - 2;
    return 1;
}

/* The object that a tag asks for; none: zeros are given, as EMV Book 3, clause 5.4 says. */
static span_t object(const card_objects_t *objects, uint16_t tag) {
    static const uint8_t qualifiers[4] = {0x36, 0x00, 0x00, 0x80}; /* 9F66: online PIN, contact and contactless */
    span_t found = {NULL, 0};
    switch (tag) {
    case TAG_AMOUNT: found.data = objects->amount; found.len = sizeof objects->amount; break;
    case TAG_AMOUNT_OTHER: found.data = objects->amount_other; found.len = sizeof objects->amount_other; break;
    case TAG_COUNTRY: found.data = objects->country; found.len = sizeof objects->country; break;
    case TAG_TVR: found.data = objects->tvr; found.len = sizeof objects->tvr; break;
    case TAG_CURRENCY: found.data = objects->currency; found.len = sizeof objects->currency; break;
    case TAG_DATE: found.data = objects->date; found.len = sizeof objects->date; break;
    case TAG_TRANSACTION_TYPE: found.data = &objects->type; found.len = 1; break;
    case TAG_UN: found.data = objects->unpredictable; found.len = sizeof objects->unpredictable; break;
    case TAG_RESPONSE_CODE: found.data = objects->response_code; found.len = sizeof objects->response_code; break;
    case 0x9F66: found.data = qualifiers; found.len = sizeof qualifiers; break;
    default: break;
    }
    return found;
}

/* The data that a list of objects asks for. Every object here is asked for in its own length, or the card is not ours. */
static int build_dol(const card_objects_t *objects, span_t dol, uint8_t *out, size_t capacity, size_t *out_len) {
    size_t used = 0;
    for (size_t i = 0; i < dol.len;) {
        uint16_t tag = dol.data[i++];
        if ((tag & 0x1F) == 0x1F) {
            if (i >= dol.len) {
                return 0;
            }
            tag = (uint16_t)((tag << 8) | dol.data[i++]);
        }
        if (i >= dol.len) {
            return 0;
        }
        const size_t len = dol.data[i++];
        const span_t value = object(objects, tag);
        if (len > capacity - used || (value.data != NULL && value.len != len)) {
            return 0;
        }
        if (value.data != NULL) {
            memcpy(out + used, value.data, len);
        } else {
            memset(out + used, 0, len);
        }
        used += len;
    }
    *out_len = used;
    return 1;
}

static int keep(span_t value, uint8_t *out, size_t capacity, size_t *len) {
    if (value.len > capacity) {
        return 0;
    }
    memcpy(out, value.data, value.len);
    *len = value.len;
    return 1;
}

/* The PAN: the digits of track 2 before the separator D. */
static int keep_track2(card_t *card, span_t track2) {
    if (!keep(track2, card->track2, sizeof card->track2, &card->track2_len)) {
        return 0;
    }
    card->pan_len = 0;
    for (size_t i = 0; i < 2 * track2.len; i++) {
        const uint8_t byte = track2.data[i / 2];
        const uint8_t nibble = i % 2 == 0 ? byte >> 4 : byte & 0x0F;
        if (nibble == 0x0D) {
            return card->pan_len >= 13;
        }
        if (nibble > 9 || card->pan_len == sizeof card->pan) {
            return 0;
        }
        card->pan[card->pan_len++] = (uint8_t)('0' + nibble);
    }
    return 0;
}

/* Takes what a record or an answer has of what the terminal needs; an element may stand in one of them only. */
static int keep_elements(card_t *card, span_t content) {
    span_t value;
    int found;
    if ((found = tlv_find(content, TAG_TRACK2, &value)) != 0) {
        if (found < 0 || card->track2_len > 0 || !keep_track2(card, value)) {
            return 0;
        }
    }
    if ((found = tlv_find(content, TAG_PSN, &value)) != 0) {
        if (found < 0 || card->has_psn || value.len != 1) {
            return 0;
        }
        card->psn = value.data[0];
        card->has_psn = 1;
    }
    if ((found = tlv_find(content, TAG_CDOL1, &value)) != 0) {
        if (found < 0 || card->cdol1_len > 0 || !keep(value, card->cdol1, sizeof card->cdol1, &card->cdol1_len)) {
            return 0;
        }
    }
    if ((found = tlv_find(content, TAG_CDOL2, &value)) != 0) {
        if (found < 0 || card->cdol2_len > 0 || !keep(value, card->cdol2, sizeof card->cdol2, &card->cdol2_len)) {
            return 0;
        }
    }
    return 1;
}

/* The payment system of each interface. A product has a list, and the directory of the card. */
static const uint8_t AID_CONTACT[] = {0xA0, 0x00, 0x00, 0x00, 0x03, 0x10, 0x10};
static const uint8_t AID_CONTACTLESS[] = {0xA0, 0x00, 0x00, 0x03, 0x33, 0x01, 0x01, 0x01};

/* SELECT, then GET PROCESSING OPTIONS with what the card asked for. */
static int start_application(card_t *card, const terminal_platform_t *platform, const uint8_t *aid, size_t aid_len,
                             span_t *options) {
    static const uint8_t select[4] = {0x00, 0xA4, 0x04, 0x00};
    static const uint8_t get_options[4] = {0x80, 0xA8, 0x00, 0x00};
    span_t answer, fci, proprietary, pdol = {NULL, 0};
    if (!transmit(card, platform, select, aid, aid_len, &answer) || tlv_find(answer, 0x6F, &fci) != 1 ||
        tlv_find(fci, 0xA5, &proprietary) != 1 || tlv_find(proprietary, TAG_PDOL, &pdol) < 0) {
        return 0;
    }
    uint8_t data[2 + CARD_DOL_MAX];
    size_t len = 0;
    if (!build_dol(&card->objects, pdol, data + 2, CARD_DOL_MAX, &len)) {
        return 0;
    }
    data[0] = 0x83;
    data[1] = (uint8_t)len;
    return transmit(card, platform, get_options, data, len + 2, options);
}

int card_read_contact(card_t *card, const terminal_platform_t *platform) {
    span_t options, content, aip, afl;
    uint8_t files[64];
    size_t files_len;
    if (!start_application(card, platform, AID_CONTACT, sizeof AID_CONTACT, &options) ||
        tlv_find(options, 0x77, &content) != 1 || !tlv_exactly(content, TAG_AIP, sizeof card->aip, &aip) ||
        tlv_find(content, TAG_AFL, &afl) != 1 || !keep(afl, files, sizeof files, &files_len)) {
        return 0;
    }
    memcpy(card->aip, aip.data, sizeof card->aip);
    /* Each entry: short file identifier, first and last record, records under offline authentication. */
    for (size_t i = 0; i + 4 <= files_len; i += 4) {
        for (unsigned record = files[i + 1]; record <= files[i + 2]; record++) {
            const uint8_t read[4] = {0x00, 0xB2, (uint8_t)record, (uint8_t)((files[i] & 0xF8) | 0x04)};
            span_t answer;
            if (!transmit(card, platform, read, NULL, 0, &answer) || tlv_find(answer, 0x70, &content) != 1 ||
                !keep_elements(card, content)) {
                return 0;
            }
        }
    }
    return card->track2_len > 0 && card->cdol1_len > 0 && card->cdol2_len > 0;
}

int card_tap(card_t *card, const terminal_platform_t *platform) {
    span_t options, content, aip;
    if (!start_application(card, platform, AID_CONTACTLESS, sizeof AID_CONTACTLESS, &options) ||
        tlv_find(options, 0x77, &content) != 1 || !tlv_exactly(content, TAG_AIP, sizeof card->aip, &aip) ||
        !keep_elements(card, content)) {
        return 0;
    }
    memcpy(card->aip, aip.data, sizeof card->aip);
    return card->track2_len > 0 &&
           payhsm_emv_ac_response(options.data, options.len, &card->ac) == PAYHSM_OK;
}

int card_generate_ac(card_t *card, const terminal_platform_t *platform, uint32_t kind, int second) {
    /* P1: 00 AAC, 40 TC, 80 ARQC. */
    const uint8_t p1 = kind == PAYHSM_CRYPTOGRAM_ARQC ? 0x80 : kind == PAYHSM_CRYPTOGRAM_TC ? 0x40 : 0x00;
    const uint8_t header[4] = {0x80, 0xAE, p1, 0x00};
    const span_t dol = {second ? card->cdol2 : card->cdol1, second ? card->cdol2_len : card->cdol1_len};
    uint8_t data[CARD_DOL_MAX];
    size_t len;
    span_t answer;
    return build_dol(&card->objects, dol, data, sizeof data, &len) &&
           transmit(card, platform, header, data, len, &answer) &&
           payhsm_emv_ac_response(answer.data, answer.len, &card->ac) == PAYHSM_OK;
}

int card_wants_issuer(const card_t *card) { return (card->aip[0] & 0x04) != 0; }

int card_authenticate_issuer(card_t *card, const terminal_platform_t *platform, span_t data) {
    static const uint8_t header[4] = {0x00, 0x82, 0x00, 0x00};
    span_t answer;
    return transmit(card, platform, header, data.data, data.len, &answer);
}

void card_field55(const card_t *card, message_t *out) {
    const card_objects_t *o = &card->objects;
    const uint8_t atc[2] = {(uint8_t)(card->ac.atc >> 8), (uint8_t)(card->ac.atc & 0xFF)};
    message_put(out, TAG_CRYPTOGRAM, card->ac.cryptogram, sizeof card->ac.cryptogram);
    message_put(out, TAG_CID, &card->ac.cid, 1);
    message_put(out, TAG_IAD, card->ac.iad, card->ac.iad_len);
    message_put(out, TAG_UN, o->unpredictable, sizeof o->unpredictable);
    message_put(out, TAG_ATC, atc, sizeof atc);
    message_put(out, TAG_TVR, o->tvr, sizeof o->tvr);
    message_put(out, TAG_DATE, o->date, sizeof o->date);
    message_put(out, TAG_TRANSACTION_TYPE, &o->type, 1);
    message_put(out, TAG_AMOUNT, o->amount, sizeof o->amount);
    message_put(out, TAG_CURRENCY, o->currency, sizeof o->currency);
    message_put(out, TAG_AIP, card->aip, sizeof card->aip);
    message_put(out, TAG_COUNTRY, o->country, sizeof o->country);
    message_put(out, TAG_AMOUNT_OTHER, o->amount_other, sizeof o->amount_other);
}
