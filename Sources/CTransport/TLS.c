#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "transport_private.h"

/// Keeps the first complaint: OpenSSL goes on, and later ones are consequences.
static int note_verification(int accepted, X509_STORE_CTX *store) {
    struct transport *transport = transport_current();
    if (!accepted && transport && transport->trouble.verification == X509_V_OK) {
        transport->trouble.verification = X509_STORE_CTX_get_error(store);
    }
    return accepted;
}

static void note_alert(const SSL *ssl, int where, int value) {
    (void)ssl;
    struct transport *transport = transport_current();
    if (!transport || !(where & SSL_CB_ALERT) || (value >> 8) != SSL3_AL_FATAL) return;
    int alert = value & 0xff;
    if (where & SSL_CB_READ) {
        transport->trouble.received_alert = alert;
    } else {
        transport->trouble.sent_alert = alert;
    }
}

/// An encrypted key must fail: OpenSSL's own default asks at the terminal.
static int no_passphrase(char *buffer, int size, int writing, void *context) {
    (void)buffer;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

static void *refused(
    SSL_CTX *context, const char *what, const char *file, char *problem, size_t problem_size) {
    unsigned long code = ERR_peek_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    snprintf(problem, problem_size, "%s %s: %s", what, file, reason ? reason : "not usable");
    ERR_clear_error();
    SSL_CTX_free(context);
    return NULL;
}

static bool expect_host(SSL_CTX *context, const char *host) {
    X509_VERIFY_PARAM *parameters = SSL_CTX_get0_param(context);
    if (X509_VERIFY_PARAM_set1_ip_asc(parameters, host)) return true;
    ERR_clear_error();
    X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(parameters, host, 0);
}

void *transport_tls_create(
    const struct transport_tls_files *files, const char *host, char *problem, size_t problem_size) {
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context) return refused(context, "TLS", "context", problem, problem_size);
    if (!SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) || !expect_host(context, host)) {
        return refused(context, "TLS host name", host, problem, problem_size);
    }
    int loaded = files->authorities ? SSL_CTX_load_verify_file(context, files->authorities)
                                    : SSL_CTX_set_default_verify_paths(context);
    if (!loaded) {
        const char *file = files->authorities ? files->authorities : "of the system";
        return refused(context, "certificate authorities", file, problem, problem_size);
    }
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    if (files->certificate && !SSL_CTX_use_certificate_chain_file(context, files->certificate)) {
        return refused(context, "client certificate", files->certificate, problem, problem_size);
    }
    if (files->key
        && (SSL_CTX_use_PrivateKey_file(context, files->key, SSL_FILETYPE_PEM) != 1
            || !SSL_CTX_check_private_key(context))) {
        return refused(context, "client key", files->key, problem, problem_size);
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, note_verification);
    SSL_CTX_set_info_callback(context, note_alert);
    return context;
}

void transport_tls_release(void *context) { SSL_CTX_free(context); }

bool transport_tls_is_shaking_hands(const void *ssl) { return ssl && !SSL_is_init_finished(ssl); }

bool transport_tls_waits_to_write(const void *ssl) { return ssl && SSL_want(ssl) == SSL_WRITING; }

struct transport_tls_trouble transport_tls_trouble(const struct transport *transport) {
    return transport->trouble;
}

const char *transport_tls_verification_text(int verification) {
    return X509_verify_cert_error_string(verification);
}

const char *transport_tls_alert_text(int alert) { return SSL_alert_desc_string_long(alert); }
