// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/net/tls/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstring>
#include <ctime>
#include <string_view>
#include <utility>

#include "evenkeel/net/tls/tls_stream.h"

namespace evenkeel::net {
namespace {

constexpr std::string_view kProtocol = "http/1.1";

// OpenSSL's first complaint, which names the cause; the queue is empty afterwards.
std::string complaint() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unknown error";
  if (ERR_SYSTEM_ERROR(code)) return std::strerror(ERR_GET_REASON(code));
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "unknown error";
}

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                    const unsigned char* offered, unsigned int offered_size, void*) {
  for (unsigned int at = 0; at < offered_size; at += 1U + offered[at]) {
    const unsigned int size = offered[at];
    if (at + 1 + size > offered_size) break;
    if (size == kProtocol.size() && std::memcmp(offered + at + 1, kProtocol.data(), size) == 0) {
      *chosen = offered + at + 1;
      *chosen_size = static_cast<unsigned char>(size);
      return SSL_TLSEXT_ERR_OK;
    }
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;  // RFC 7301 §3.2: no_application_protocol
}

// Never asks a terminal for a key's password.
int no_password(char*, int, int, void*) { return -1; }

void configure(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // Resumption by tickets only: a cache would grow with every client.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  // Idle connections keep no record buffers.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  // One read of the transport per wake, and not one for the record's header and one for its body.
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  SSL_CTX_set_default_passwd_cb(context, no_password);
}

}  // namespace

void TlsServer::FreeContext::operator()(SSL_CTX* context) const { SSL_CTX_free(context); }

TlsServer::~TlsServer() = default;

core::Result<TlsServer::Context, std::string> TlsServer::load(
    const core::CertificatePolicy& certificate, std::int64_t wall_seconds) {
  ERR_clear_error();
  Context context(SSL_CTX_new(TLS_server_method()));
  if (context == nullptr) return core::Unexpected{"cannot start TLS: " + complaint()};
  configure(context.get());
  const std::string& cert = certificate.cert_file;
  const std::string& key = certificate.key_file;
  if (SSL_CTX_use_certificate_chain_file(context.get(), cert.c_str()) != 1) {
    return core::Unexpected{"certificate " + cert + ": cannot be read: " + complaint()};
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1) {
    const unsigned long code = ERR_peek_error();
    const bool mismatch = ERR_GET_LIB(code) == ERR_LIB_X509;
    const std::string why = complaint();
    return core::Unexpected{"key " + key +
                            (mismatch ? ": does not belong to certificate " + cert
                                      : ": cannot be read (a PEM file without password): ") +
                            (mismatch ? "" : why)};
  }
  if (SSL_CTX_check_private_key(context.get()) != 1) {
    ERR_clear_error();
    return core::Unexpected{"key " + key + ": does not belong to certificate " + cert};
  }
  auto now = static_cast<std::time_t>(wall_seconds);
  const X509* x509 = SSL_CTX_get0_certificate(context.get());
  if (X509_cmp_time(X509_get0_notAfter(x509), &now) <= 0) {
    return core::Unexpected{"certificate " + cert + ": has expired"};
  }
  if (X509_cmp_time(X509_get0_notBefore(x509), &now) > 0) {
    return core::Unexpected{"certificate " + cert + ": is not valid yet"};
  }
  return context;
}

core::Result<std::unique_ptr<TlsServer>, std::string> TlsServer::create(
    std::span<const core::CertificatePolicy> certificates, std::int64_t wall_seconds) {
  std::unique_ptr<TlsServer> server(new TlsServer);
  for (const core::CertificatePolicy& certificate : certificates) {
    auto context = load(certificate, wall_seconds);
    if (!context) return core::Unexpected{context.error()};
    server->contexts_.push_back(std::move(*context));
  }
  if (server->contexts_.empty()) return core::Unexpected{std::string("no certificate")};
  SSL_CTX* first = server->contexts_.front().get();
  SSL_CTX_set_tlsext_servername_callback(first, &TlsServer::on_server_name);
  SSL_CTX_set_tlsext_servername_arg(first, server.get());
  return server;
}

int TlsServer::on_server_name(SSL* ssl, int*, void* self) {
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
  for (const Context& context : static_cast<const TlsServer*>(self)->contexts_) {
    X509* x509 = SSL_CTX_get0_certificate(context.get());
    if (X509_check_host(x509, name, std::strlen(name), 0, nullptr) != 1) continue;
    SSL_set_SSL_CTX(ssl, context.get());
    break;
  }
  return SSL_TLSEXT_ERR_OK;
}

std::unique_ptr<Stream> TlsServer::accept(std::unique_ptr<Stream> transport) {
  return TlsStream::create(contexts_.front().get(), TlsStream::Role::server, std::move(transport),
                           buffers_, closing_);
}

}  // namespace evenkeel::net
