// Paced RTP towards any number of legs from one socket, in clear or protected: the load of the benchmarks.
//
//   rtp_load LEGS-FILE SECONDS PACKET-MS AUDIO-FILE [--key HEX60] [--rubbish PERCENT] [--fd RTP-SOCKET]
//
// LEGS-FILE has "address port" a line. AUDIO-FILE holds octets of G.711 µ-law, which repeat. --key is master key and salt
// of AES_CM_128_HMAC_SHA1_80 (30 octets), the same for all legs; session keys are derived as in RFC 3711 section 4.3,
// and what is sent is protected on the way, in this process, whose time is not the one that is measured. Of --rubbish
// legs nothing is true: noise, short packets, wrong versions, damaged and repeated ones.
//
// Legs send one packet every PACKET-MS, evenly spread over that time, at absolute deadlines. Reads "go" from standard
// input, and ends after SECONDS or when standard input is closed. Prints one JSON object.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "CSRTPCipher.h"

enum { BATCH = 64, ROOM = 1500, TAG = 10 };

struct leg {
    struct sockaddr_in to;
    uint32_t ssrc, timestamp, roll_over;
    uint16_t sequence;
    uint8_t rubbish;
};

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void fail(const char *what) {
    fprintf(stderr, "rtp_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t random_state = 0x9E3779B97F4A7C15u;
static uint32_t random_word(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32);
}

// RFC 3711 section 4.3.1 with key derivation rate 0: label at octet 7 of the salt, AES-CTR keystream from there.
static void derive(const uint8_t master[30], uint8_t label, uint8_t *out, int count) {
    uint8_t iv[16] = {0}, zeros[32] = {0};
    memcpy(iv, master + 16, 14);
    iv[7] ^= label;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int length = 0;
    if (!context || EVP_EncryptInit_ex(context, EVP_aes_128_ctr(), NULL, master, iv) != 1 ||
        EVP_EncryptUpdate(context, out, &length, zeros, count) != 1)
        fail("key derivation");
    EVP_CIPHER_CTX_free(context);
}

static srtp_cipher *cipher;
static uint8_t salt[14];

static int protect(uint8_t *packet, int count, const struct leg *leg) {
    // Section 4.1.1: IV = salt * 2^16 XOR SSRC * 2^64 XOR index * 2^16.
    uint8_t iv[16] = {0};
    memcpy(iv, salt, 14);
    uint32_t ssrc = htonl(leg->ssrc), roll = htonl(leg->roll_over);
    uint16_t sequence = htons(leg->sequence);
    for (int i = 0; i < 4; i++) iv[4 + i] ^= ((uint8_t *)&ssrc)[i];
    for (int i = 0; i < 4; i++) iv[8 + i] ^= ((uint8_t *)&roll)[i];
    for (int i = 0; i < 2; i++) iv[12 + i] ^= ((uint8_t *)&sequence)[i];
    uint64_t high = 0, low = 0;
    for (int i = 0; i < 8; i++) high = high << 8 | iv[i], low = low << 8 | iv[8 + i];
    if (srtp_cipher_apply_keystream(cipher, high, low, packet + 12, (size_t)count - 12) != SRTP_CIPHER_OK)
        fail("AES");
    uint8_t tag[20];
    srtp_cipher_authenticate(cipher, packet, (size_t)count, leg->roll_over, 1, tag);
    memcpy(packet + count, tag, TAG);
    return count + TAG;
}

static int make_rubbish(uint8_t *packet, int count, const struct leg *leg) {
    uint32_t what = random_word() % 8;
    for (int i = 12; i < count; i++) packet[i] = (uint8_t)random_word();
    switch (what) {
    case 0: for (int i = 0; i < 12; i++) packet[i] = (uint8_t)random_word(); return count;
    case 1: return (int)(random_word() % 12);
    case 2: packet[0] = 0x40; return count;
    case 3: packet[0] = 0xBF; packet[count - 1] = 0xFF; return count;
    case 4: packet[1] = 200 + random_word() % 8; return count;
    case 5: packet[1] = 96 + random_word() % 32; return ROOM - 100;
    case 6: { // a jump of sequence number, time or source
        uint32_t word = random_word();
        memcpy(packet + 2 + random_word() % 6, &word, 4);
        return count;
    }
    default: return count > 20 && (leg->sequence & 1) ? 20 : count;
    }
}

int main(int argc, char **argv) {
    if (argc < 5) {
        fprintf(stderr, "usage: rtp_load LEGS-FILE SECONDS PACKET-MS AUDIO-FILE [--key HEX] [--rubbish PERCENT] [--fd N]\n");
        return 2;
    }
    double seconds = atof(argv[2]);
    int samples = atoi(argv[3]) * 8, rubbish = 0, descriptor = -1;
    for (int i = 5; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--rubbish")) rubbish = atoi(argv[i + 1]);
        if (!strcmp(argv[i], "--fd")) descriptor = atoi(argv[i + 1]);
        if (!strcmp(argv[i], "--key")) {
            uint8_t master[30], encryption[16], authentication[20];
            for (int k = 0; k < 30; k++) {
                unsigned octet = 0;
                if (sscanf(argv[i + 1] + 2 * k, "%2x", &octet) != 1) fail("--key");
                master[k] = (uint8_t)octet;
            }
            derive(master, 0, encryption, 16);
            derive(master, 1, authentication, 20);
            derive(master, 2, salt, 14);
            cipher = srtp_cipher_new_counter(encryption, 16, authentication, 20);
            if (!cipher) fail("cipher");
        }
    }
    if (samples < 80 || samples > 480) fail("PACKET-MS");

    FILE *file = fopen(argv[1], "r");
    if (!file) fail(argv[1]);
    int count = 0, capacity = 16384;
    struct leg *legs = calloc((size_t)capacity, sizeof *legs);
    char address[64];
    int port;
    while (fscanf(file, "%63s %d", address, &port) == 2 && count < capacity) {
        struct leg *leg = &legs[count];
        leg->to.sin_family = AF_INET;
        leg->to.sin_port = htons((uint16_t)port);
        inet_pton(AF_INET, address, &leg->to.sin_addr);
        leg->ssrc = 0x10000u + (uint32_t)count * 7919;
        leg->sequence = (uint16_t)(random_word() & 0x7FFF);
        leg->timestamp = random_word();
        leg->rubbish = (uint8_t)(count % 100 < rubbish);
        count++;
    }
    fclose(file);
    if (count == 0) fail("no legs");
    file = fopen(argv[4], "r");
    if (!file) fail(argv[4]);
    static uint8_t audio[1 << 20];
    size_t octets = fread(audio, 1, sizeof audio - 480, file);
    fclose(file);
    if (octets < 480) fail("too little audio");
    memcpy(audio + octets, audio, 480);

    if (descriptor < 0) {
        descriptor = socket(AF_INET, SOCK_DGRAM, 0);
        struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        if (bind(descriptor, (struct sockaddr *)&own, sizeof own)) fail("bind");
    }
    int size = 8 << 20;
    if (setsockopt(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);

    static uint8_t packets[BATCH][ROOM];
    struct mmsghdr messages[BATCH];
    struct iovec pieces[BATCH];
    memset(messages, 0, sizeof messages);

    char line[8];
    if (!fgets(line, sizeof line, stdin)) return 0;
    int64_t interval = (int64_t)samples * 125000, began = now_ns(), until = began + (int64_t)(seconds * 1e9);
    // A histogram of lateness in steps of 10 µs up to 1 s.
    static int64_t late[100001];
    int64_t sent = 0, refused = 0, handled = 0, rubbish_sent = 0, next_look = began;
    while (1) {
        int64_t now = now_ns();
        if (now >= until) break;
        if (now >= next_look) {
            struct pollfd entry = {.fd = 0, .events = POLLIN};
            if (poll(&entry, 1, 0) > 0 && (entry.revents & (POLLHUP | POLLIN)) && read(0, line, sizeof line) <= 0) break;
            next_look = now + 50000000;
        }
        // Packet number n of all legs together is due at n / legs of an interval.
        int64_t due = (int64_t)((double)(now - began) / (double)interval * count) + 1;
        int todo = (int)(due - handled > BATCH ? BATCH : due - handled);
        if (todo <= 0) {
            struct timespec pause = {0, 200000};
            nanosleep(&pause, NULL);
            continue;
        }
        int rubbish_in_batch = 0;
        for (int i = 0; i < todo; i++) {
            struct leg *leg = &legs[(handled + i) % count];
            uint8_t *packet = packets[i];
            uint32_t round = (uint32_t)((handled + i) / count);
            packet[0] = 0x80;
            packet[1] = round == 0 ? 0x80 : 0;
            uint16_t sequence = htons(leg->sequence);
            uint32_t timestamp = htonl(leg->timestamp), ssrc = htonl(leg->ssrc);
            memcpy(packet + 2, &sequence, 2);
            memcpy(packet + 4, &timestamp, 4);
            memcpy(packet + 8, &ssrc, 4);
            memcpy(packet + 12, audio + (size_t)round * (size_t)samples % octets, (size_t)samples);
            int length = 12 + samples;
            if (leg->rubbish) {
                length = make_rubbish(packet, length, leg);
                rubbish_in_batch++;
            } else if (cipher) {
                length = protect(packet, length, leg);
            }
            if (++leg->sequence == 0) leg->roll_over++;
            leg->timestamp += (uint32_t)samples;
            pieces[i].iov_base = packet;
            pieces[i].iov_len = (size_t)length;
            messages[i].msg_hdr.msg_iov = &pieces[i];
            messages[i].msg_hdr.msg_iovlen = 1;
            messages[i].msg_hdr.msg_name = &leg->to;
            messages[i].msg_hdr.msg_namelen = sizeof leg->to;
        }
        for (int done = 0; done < todo;) {
            int taken = sendmmsg(descriptor, messages + done, (unsigned)(todo - done), 0);
            if (taken > 0) {
                done += taken;
                sent += taken;
            } else if (errno == EINTR || errno == ECONNREFUSED) {
                // An earlier packet met nobody; this one has not been sent.
            } else {
                done++;
                refused++;
            }
        }
        rubbish_sent += rubbish_in_batch;
        int64_t deadline = began + (int64_t)((double)handled / count * (double)interval);
        int64_t step = (now_ns() - deadline) / 10000;
        late[step < 0 ? 0 : step > 100000 ? 100000 : step] += todo;
        handled += todo;
    }
    int64_t passed = 0, p50 = -1, p99 = -1, most = 0;
    for (int64_t i = 0; i <= 100000; i++) {
        passed += late[i];
        if (p50 < 0 && passed * 2 >= handled) p50 = i;
        if (p99 < 0 && passed * 100 >= handled * 99) p99 = i;
        if (late[i]) most = i;
    }
    printf("{\"legs\": %d, \"sent\": %lld, \"rubbish\": %lld, \"refused\": %lld, \"seconds\": %.3f, \"pacingLateMs\": {\"p50\": %.2f, "
           "\"p99\": %.2f, \"max\": %.2f}}\n",
           count, (long long)(sent - rubbish_sent), (long long)rubbish_sent, (long long)refused,
           (double)(now_ns() - began) / 1e9, (double)p50 / 100, (double)p99 / 100, (double)most / 100);
    srtp_cipher_free(cipher);
    return 0;
}
