/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "message.h"

#include <string.h>

/* E1 82 LLLL */
#define HEADER_LEN 4u
/* DF0E 08, then the MAC */
#define MAC_ELEMENT_LEN (3u + MESSAGE_MAC_LEN)

int tlv_next(span_t *rest, uint16_t *tag, span_t *value) {
    const uint8_t *p = rest->data;
    size_t left = rest->len;
    while (left > 0 && *p == 0x00) {
        p++;
        left--;
    }
    if (left == 0) {
        rest->len = 0;
        return 0;
    }

    uint16_t name = *p++;
    left--;
    if ((name & 0x1F) == 0x1F) {
        /* A second byte, and no third: there are no longer tags here. */
        if (left == 0 || (*p & 0x80) != 0) {
            return -1;
        }
        name = (uint16_t)((name << 8) | *p++);
        left--;
    }

    if (left == 0) {
        return -1;
    }
    size_t len = *p++;
    left--;
    if (len >= 0x80) {
        size_t count = len & 0x7F;
        if (count < 1 || count > 2 || count > left) {
            return -1;
        }
        for (len = 0; count > 0; count--) {
            len = (len << 8) | *p++;
            left--;
        }
    }
    if (len > left) {
        return -1;
    }
    *tag = name;
    value->data = p;
    value->len = len;
    rest->data = p + len;
    rest->len = left - len;
    return 1;
}

int tlv_find(span_t data, uint16_t tag, span_t *value) {
    uint16_t here;
    span_t found;
    int count = 0, more;
    while ((more = tlv_next(&data, &here, &found)) > 0) {
        if (here == tag) {
            *value = found;
            count++;
        }
    }
    return more < 0 || count > 1 ? -1 : count;
}

int tlv_exactly(span_t data, uint16_t tag, size_t len, span_t *value) {
    return tlv_find(data, tag, value) == 1 && value->len == len;
}

void message_put_raw(message_t *message, const uint8_t *bytes, size_t len) {
    if (len > MESSAGE_MAX - message->len) {
        message->overflow = 1;
        return;
    }
    if (len > 0) {
        memcpy(message->bytes + message->len, bytes, len);
    }
    message->len += len;
}

void message_begin(message_t *message, uint8_t template_tag) {
    const uint8_t header[HEADER_LEN] = {template_tag, 0x82, 0, 0};
    message->len = 0;
    message->overflow = 0;
    message_put_raw(message, header, sizeof header);
}

void message_put(message_t *message, uint16_t tag, const uint8_t *value, size_t len) {
    uint8_t head[5];
    size_t n = 0;
    if (tag > 0xFF) {
        head[n++] = (uint8_t)(tag >> 8);
    }
    head[n++] = (uint8_t)(tag & 0xFF);
    if (len > MESSAGE_MAX) {
        message->overflow = 1;
        return;
    }
    if (len > 0xFF) {
        head[n++] = 0x82;
        head[n++] = (uint8_t)(len >> 8);
    } else if (len > 0x7F) {
        head[n++] = 0x81;
    }
    head[n++] = (uint8_t)(len & 0xFF);
    message_put_raw(message, head, n);
    message_put_raw(message, value, len);
}

/* The length of the template's content, of which `more` bytes are still to come. */
static payhsm_status_t write_length(message_t *message, size_t more) {
    if (message->overflow || message->len < HEADER_LEN || more > MESSAGE_MAX - message->len) {
        return PAYHSM_ERR_BUFFER_TOO_SMALL;
    }
    const size_t content = message->len - HEADER_LEN + more;
    message->bytes[2] = (uint8_t)(content >> 8);
    message->bytes[3] = (uint8_t)(content & 0xFF);
    return PAYHSM_OK;
}

payhsm_status_t message_close(message_t *message) { return write_length(message, 0); }

payhsm_status_t message_seal(message_t *message, payhsm_ctx_t *hsm, uint32_t transaction, uint32_t mac_method) {
    payhsm_status_t status = write_length(message, MAC_ELEMENT_LEN);
    if (status != PAYHSM_OK) {
        return status;
    }
    uint8_t mac[MESSAGE_MAC_LEN];
    size_t mac_len;
    status = payhsm_mac_generate(hsm, transaction, mac_method, message->bytes, message->len, MESSAGE_MAC_LEN, mac,
                                 sizeof mac, &mac_len);
    if (status == PAYHSM_OK) {
        message_put(message, TAG_MAC, mac, mac_len);
    }
    return status;
}

payhsm_status_t message_content(const message_t *message, uint8_t template_tag, span_t *content) {
    const uint8_t *bytes = message->bytes;
    if (message->len < HEADER_LEN || message->len > MESSAGE_MAX) {
        return PAYHSM_ERR_INVALID_LENGTH;
    }
    if (bytes[0] != template_tag || bytes[1] != 0x82) {
        return PAYHSM_ERR_TLV_TAG;
    }
    const size_t len = ((size_t)bytes[2] << 8) | bytes[3];
    if (len != message->len - HEADER_LEN) {
        return PAYHSM_ERR_TLV_LENGTH;
    }
    content->data = bytes + HEADER_LEN;
    content->len = len;
    return PAYHSM_OK;
}

payhsm_status_t message_open(const message_t *message, payhsm_ctx_t *hsm, uint32_t transaction, uint32_t mac_method,
                             uint8_t template_tag, span_t *content) {
    span_t all;
    payhsm_status_t status = message_content(message, template_tag, &all);
    if (status != PAYHSM_OK) {
        return status;
    }
    /* Where the MAC is follows from the length, and how long it is from us: no element of the message says so. */
    if (all.len < MAC_ELEMENT_LEN) {
        return PAYHSM_ERR_TLV_MISSING;
    }
    const uint8_t *element = all.data + all.len - MAC_ELEMENT_LEN;
    if (element[0] != (TAG_MAC >> 8) || element[1] != (TAG_MAC & 0xFF) || element[2] != MESSAGE_MAC_LEN) {
        return PAYHSM_ERR_TLV_MISSING;
    }
    status = payhsm_mac_verify(hsm, transaction, mac_method, message->bytes, message->len - MAC_ELEMENT_LEN,
                               element + 3, MESSAGE_MAC_LEN);
    if (status != PAYHSM_OK) {
        return status;
    }
    content->data = all.data;
    content->len = all.len - MAC_ELEMENT_LEN;
    return PAYHSM_OK;
}

int bcd_put(uint64_t number, uint8_t *out, size_t len) {
    while (len > 0) {
        len--;
        const unsigned two = (unsigned)(number % 100);
        number /= 100;
        out[len] = (uint8_t)((two / 10) << 4 | two % 10);
    }
    return number == 0;
}

int bcd_get(span_t value, uint64_t *number) {
    uint64_t sum = 0;
    if (value.len > 9) {
        return 0;
    }
    for (size_t i = 0; i < value.len; i++) {
        const unsigned high = value.data[i] >> 4, low = value.data[i] & 0x0F;
        if (high > 9 || low > 9) {
            return 0;
        }
        sum = sum * 100 + high * 10 + low;
    }
    *number = sum;
    return 1;
}
