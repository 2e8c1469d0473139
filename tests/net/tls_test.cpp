// SPDX-License-Identifier: Apache-2.0
//
// TLS between two streams in memory: the server as the proxy makes it, the client from OpenSSL's
// defaults. Whole and in pieces, with and without room.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <memory>
#include <string>

#include "evenkeel/net/tls/tls_context.h"
#include "evenkeel/net/tls/tls_stream.h"
#include "net/stream_pair.h"
#include "net/tls_certificates.h"

namespace evenkeel::test {
namespace {

using net::Io;
using ::testing::HasSubstr;

// Sends a text and keeps what it reads, as long as there is something to do.
class Party final : public net::StreamOwner {
 public:
  void attach(std::unique_ptr<net::Stream> made) {
    stream = std::move(made);
    stream->set_owner(this);
  }
  void on_ready(core::Instant) override {
    if (stream == nullptr) return;
    send();
    std::array<char, 5000> buffer;
    for (net::IoResult read; (read = stream->try_read(buffer)).io != Io::would_block;) {
      last = read.io;
      if (read.io != Io::done) return;
      received.append(buffer.data(), read.bytes);
    }
  }
  void send() {
    while (!to_send.empty()) {
      const net::IoResult written = stream->try_write(to_send);
      if (written.io != Io::done) return;
      to_send.erase(0, written.bytes);
    }
    if (close_when_sent) {
      close_when_sent = false;
      stream->close();
    }
  }

  std::unique_ptr<net::Stream> stream;
  std::string to_send;
  std::string received;
  bool close_when_sent = false;
  Io last = Io::would_block;
};

struct ClientContext {
  ClientContext() : ssl(SSL_CTX_new(TLS_client_method())) {}
  ~ClientContext() { SSL_CTX_free(ssl); }
  ClientContext(const ClientContext&) = delete;
  ClientContext& operator=(const ClientContext&) = delete;
  SSL_CTX* ssl;
};

class TlsTest : public ::testing::Test {
 protected:
  void start(StreamPair::Limits limits = {}) {
    if (server == nullptr) serve({certificates.make("localhost")});
    pair = std::make_unique<StreamPair>(limits);
    near.attach(server->accept(pair->take_left()));
    auto stream = net::TlsStream::create(client.ssl, net::TlsStream::Role::client,
                                         pair->take_right(), buffers, closing);
    if (!server_name.empty()) {
      SSL_set_tlsext_host_name(stream->ssl(), server_name.c_str());
    }
    far_ssl = stream->ssl();
    far.attach(std::move(stream));
  }
  void serve(const std::vector<core::CertificatePolicy>& policies) {
    auto made = net::TlsServer::create(policies, Certificates::kNow);
    ASSERT_TRUE(made.has_value()) << made.error();
    server = std::move(*made);
  }
  std::string error_of(const core::CertificatePolicy& policy) {
    auto made = net::TlsServer::create({&policy, 1}, Certificates::kNow);
    return made.has_value() ? "" : made.error();
  }
  void offer_protocols(const std::string& protocols) {
    SSL_CTX_set_alpn_protos(client.ssl, reinterpret_cast<const unsigned char*>(protocols.data()),
                            static_cast<unsigned>(protocols.size()));
  }

  Certificates certificates;
  ClientContext client;
  net::BufferPool buffers;
  net::ClosingStreams closing{buffers};
  std::unique_ptr<net::TlsServer> server;
  std::unique_ptr<StreamPair> pair;
  std::string server_name;
  Party near;  // behind the server's TLS
  Party far;   // behind the client's
  SSL* far_ssl = nullptr;
};

TEST_F(TlsTest, BytesArriveWholeAndInPiecesOfEverySize) {
  for (const std::size_t piece : {1U, 2U, 3U, 5U, 7U, 100U, 1'000'000U}) {
    near = Party{};
    far = Party{};
    StreamPair::Limits limits;
    limits.piece = piece;
    start(limits);
    far.to_send = "GET / HTTP/1.1\r\n\r\n";
    near.to_send = "HTTP/1.1 200 OK\r\n\r\n";
    pair->settle();
    EXPECT_EQ(near.received, "GET / HTTP/1.1\r\n\r\n") << "pieces of " << piece;
    EXPECT_EQ(far.received, "HTTP/1.1 200 OK\r\n\r\n") << "pieces of " << piece;
  }
}

TEST_F(TlsTest, LargeBodiesArriveThroughASmallWindow) {
  StreamPair::Limits limits;
  limits.window = 3000;
  start(limits);
  std::string body(1 << 20, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 31 + i / 256);
  near.to_send = far.to_send = body;
  pair->settle();
  EXPECT_TRUE(near.received == body);
  EXPECT_TRUE(far.received == body);
}

TEST_F(TlsTest, NothingMovesBeforeTheHandshake) {
  start();
  EXPECT_TRUE(near.stream->connecting());
  std::array<char, 10> buffer{};
  EXPECT_EQ(near.stream->try_write(buffer).io, Io::would_block);
  EXPECT_EQ(near.stream->try_read(buffer).io, Io::would_block);
  pair->settle();
  EXPECT_FALSE(near.stream->connecting());
}

TEST_F(TlsTest, AWriteIsRefusedWhileCiphertextWaits) {
  StreamPair::Limits limits;
  limits.window = 4000;
  start(limits);
  pair->settle();
  const std::string block(20'000, 'x');
  EXPECT_EQ(near.stream->try_write(block).bytes, block.size());
  EXPECT_EQ(near.stream->try_write(block).io, Io::would_block);
}

TEST_F(TlsTest, AGoodCloseIsAnEnd) {
  start();
  pair->settle();
  near.to_send = "bye";
  near.close_when_sent = true;
  pair->settle();
  EXPECT_EQ(far.received, "bye");
  EXPECT_EQ(far.last, Io::end);
}

TEST_F(TlsTest, AShutdownEndsOneDirectionOnly) {
  start();
  pair->settle();
  near.stream->shutdown();
  pair->settle();
  EXPECT_EQ(far.last, Io::end);
  far.to_send = "still here";
  pair->settle();
  EXPECT_EQ(near.received, "still here");
}

TEST_F(TlsTest, AnEndThatWasNotAnnouncedIsAFailure) {
  start();
  pair->settle();
  pair->end_right();
  pair->settle();
  EXPECT_EQ(far.last, Io::failed);
}

TEST_F(TlsTest, ACloseStillDeliversWhatWasWritten) {
  StreamPair::Limits limits;
  limits.window = 1000;
  start(limits);
  pair->settle();
  near.to_send = std::string(50'000, 'x');
  near.close_when_sent = true;
  near.on_ready(pair->now);  // taken at once, as a whole
  near.stream.reset();
  EXPECT_EQ(server->closing(), 1U);
  pair->settle();
  EXPECT_EQ(far.received.size(), 50'000U);
  EXPECT_EQ(far.last, Io::end);
  EXPECT_EQ(server->closing(), 0U);
}

TEST_F(TlsTest, APeerThatTakesNothingIsCutInTheEnd) {
  StreamPair::Limits limits;
  limits.window = 1000;
  start(limits);
  pair->settle();
  near.to_send = std::string(50'000, 'x');
  near.close_when_sent = true;
  near.on_ready(pair->now);
  far.stream->set_owner(nullptr);
  const core::Instant tick = core::Instant(std::chrono::seconds(5));
  server->on_tick(tick);
  server->on_tick(tick + net::ClosingStreams::kPatience - core::Duration(1));
  EXPECT_EQ(server->closing(), 1U);
  server->on_tick(tick + net::ClosingStreams::kPatience);
  EXPECT_EQ(server->closing(), 0U);
  EXPECT_TRUE(pair->left_was_aborted());
}

TEST_F(TlsTest, DestroyingAStreamAbortsIt) {
  start();
  pair->settle();
  near.stream.reset();
  EXPECT_TRUE(pair->left_was_aborted());
}

TEST_F(TlsTest, BytesThatAreNotTlsFail) {
  serve({certificates.make("localhost")});
  pair = std::make_unique<StreamPair>(StreamPair::Limits{});
  const auto right = pair->take_right();
  near.attach(server->accept(pair->take_left()));
  ASSERT_GT(right->try_write(std::string("GET / HTTP/1.1\r\nHost: a\r\n\r\n")).bytes, 0U);
  pair->settle();
  EXPECT_EQ(near.last, Io::failed);
}

TEST_F(TlsTest, GarbageInTheMiddleFails) {
  start();
  far.to_send = "good";
  pair->settle();
  pair->inject_right("\x17\x03\x03\xff\xff garbage");
  pair->settle();
  EXPECT_EQ(near.received, "good");
  EXPECT_EQ(far.last, Io::failed);
}

RC_GTEST_FIXTURE_PROP(TlsTest, NoBytesWhateverCrashTheServer, (const std::string& bytes)) {
  serve({certificates.make("localhost")});
  pair = std::make_unique<StreamPair>(StreamPair::Limits{});
  const auto right = pair->take_right();
  near.attach(server->accept(pair->take_left()));
  static_cast<void>(right->try_write(bytes));
  right->shutdown();
  pair->settle();
  RC_ASSERT(near.received.empty());
  RC_ASSERT(near.last == Io::failed);
}

TEST_F(TlsTest, VersionsBelow12AreRefused) {
  SSL_CTX_set_security_level(client.ssl, 0);
  SSL_CTX_set_min_proto_version(client.ssl, TLS1_VERSION);
  SSL_CTX_set_max_proto_version(client.ssl, TLS1_1_VERSION);
  start();
  pair->settle();
  EXPECT_EQ(near.last, Io::failed);
  EXPECT_EQ(far.last, Io::failed);
}

TEST_F(TlsTest, Version12Works) {
  SSL_CTX_set_max_proto_version(client.ssl, TLS1_2_VERSION);
  start();
  far.to_send = "hello";
  pair->settle();
  EXPECT_EQ(near.received, "hello");
}

TEST_F(TlsTest, RenegotiationIsRefused) {
  SSL_CTX_set_max_proto_version(client.ssl, TLS1_2_VERSION);
  start();
  pair->settle();
  SSL_renegotiate(far_ssl);
  far.to_send = "x";
  pair->settle();
  EXPECT_EQ(near.received, "");
}

TEST_F(TlsTest, Http11IsChosenAmongTheOffers) {
  offer_protocols("\x02h2\x08http/1.1");
  start();
  pair->settle();
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(far_ssl, &chosen, &size);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(chosen), size), "http/1.1");
}

TEST_F(TlsTest, AClientThatSpeaksOnlyAnotherProtocolIsRefused) {
  offer_protocols("\x02h2");
  start();
  pair->settle();
  EXPECT_EQ(near.last, Io::failed);
}

TEST_F(TlsTest, TheServerNamePicksTheCertificate) {
  serve({certificates.make("first.test"), certificates.make("second.test")});
  for (const std::string name : {"second.test", "first.test", "unknown.test"}) {
    near = Party{};
    far = Party{};
    server_name = name;
    start();
    pair->settle();
    X509* shown = SSL_get1_peer_certificate(far_ssl);
    ASSERT_NE(shown, nullptr);
    const char* expected = name == "second.test" ? "second.test" : "first.test";
    EXPECT_EQ(X509_check_host(shown, expected, 0, 0, nullptr), 1) << name;
    X509_free(shown);
  }
}

TEST_F(TlsTest, AMissingCertificateIsNamed) {
  auto policy = certificates.make("localhost");
  policy.cert_file = certificates.path("none.crt");
  EXPECT_THAT(error_of(policy), HasSubstr("none.crt: cannot be read: No such file"));
}

TEST_F(TlsTest, AMissingKeyIsNamed) {
  auto policy = certificates.make("localhost");
  policy.key_file = certificates.path("none.key");
  EXPECT_THAT(error_of(policy), HasSubstr("none.key: cannot be read"));
}

TEST_F(TlsTest, AKeyOfAnotherCertificateIsRefused) {
  auto policy = certificates.make("localhost");
  policy.key_file = certificates.make("localhost").key_file;
  EXPECT_THAT(error_of(policy), HasSubstr("does not belong to certificate " + policy.cert_file));
}

TEST_F(TlsTest, CertificatesOutsideOfTheirTimeAreRefused) {
  EXPECT_THAT(error_of(certificates.make("localhost", -2 * 86400)), HasSubstr("has expired"));
  EXPECT_THAT(error_of(certificates.make("localhost", 2 * 86400)), HasSubstr("is not valid yet"));
}

}  // namespace
}  // namespace evenkeel::test
