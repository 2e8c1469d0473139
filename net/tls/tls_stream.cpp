// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/net/tls/tls_stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <utility>

namespace evenkeel::net {

const bio_method_st* TlsStream::bio_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "evenkeel stream");
    if (made == nullptr) return made;
    BIO_meth_set_read_ex(made, &TlsStream::bio_read);
    BIO_meth_set_write_ex(made, &TlsStream::bio_write);
    BIO_meth_set_ctrl(made, &TlsStream::bio_control);
    return made;
  }();
  return method;
}

TlsStream::TlsStream(std::unique_ptr<Stream> transport, BufferPool& buffers,
                     ClosingStreams& closing)
    : transport_(std::move(transport)), buffers_(buffers), closing_(closing) {
  transport_->set_owner(this);
}

std::unique_ptr<TlsStream> TlsStream::create(SSL_CTX* context, Role role,
                                             std::unique_ptr<Stream> transport, BufferPool& buffers,
                                             ClosingStreams& closing) {
  std::unique_ptr<TlsStream> stream(new TlsStream(std::move(transport), buffers, closing));
  stream->ssl_ = SSL_new(context);
  const BIO_METHOD* method = bio_method();
  BIO* bio = stream->ssl_ != nullptr && method != nullptr ? BIO_new(method) : nullptr;
  if (bio == nullptr) {
    ERR_clear_error();
    return nullptr;
  }
  BIO_set_data(bio, stream.get());
  BIO_set_init(bio, 1);
  SSL_set_bio(stream->ssl_, bio, bio);  // takes the BIO
  role == Role::server ? SSL_set_accept_state(stream->ssl_) : SSL_set_connect_state(stream->ssl_);
  if (role == Role::client) stream->transport_->wake();  // the client speaks first
  return stream;
}

TlsStream::~TlsStream() {
  abort();
  SSL_free(ssl_);
  buffers_.release(pending_);
}

// ---- OpenSSL's side ----------------------------------------------------------------------------

int TlsStream::bio_read(BIO* bio, char* into, std::size_t size, std::size_t* read) {
  auto& self = *static_cast<TlsStream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  *read = 0;
  if (self.transport_ == nullptr) return 0;
  const IoResult result = self.transport_->try_read({into, size});
  *read = result.bytes;
  if (result.io == Io::done) return 1;
  if (result.io == Io::would_block) BIO_set_retry_read(bio);
  if (result.io == Io::end) self.transport_ended_ = true;
  return 0;
}

int TlsStream::bio_write(BIO* bio, const char* from, std::size_t size, std::size_t* written) {
  auto& self = *static_cast<TlsStream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  *written = 0;
  if (self.pending_.size() + size > kMaxPending) {
    BIO_set_retry_write(bio);
    return 0;
  }
  self.buffers_.append(self.pending_, {from, size});
  *written = size;
  return 1;
}

long TlsStream::bio_control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return static_cast<TlsStream*>(BIO_get_data(bio))->transport_ended_;
  return 0;
}

// ---- progress
// ------------------------------------------------------------------------------------

void TlsStream::on_ready(core::Instant now) {
  // A dead sending side shows in the next write; what arrived can still be read.
  if (transport_ != nullptr) static_cast<void>(flush());
  if (state_ == State::handshake) {
    shake_hands();
    if (state_ == State::handshake) return;
  }
  // Last: the owner may destroy this stream.
  if (owner() != nullptr) owner()->on_ready(now);
}

void TlsStream::shake_hands() {
  if (transport_ == nullptr || transport_->connecting()) return;
  const int result = SSL_do_handshake(ssl_);
  if (result == 1) {
    state_ = State::open;
  } else if (explain(result) != Io::would_block) {
    fail();
    return;
  }
  if (!flush()) fail();
}

Io TlsStream::explain(int result) {
  const int error = SSL_get_error(ssl_, result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return Io::would_block;
  ERR_clear_error();
  return error == SSL_ERROR_ZERO_RETURN ? Io::end : Io::failed;
}

bool TlsStream::flush() {
  if (pending_.empty()) return true;
  while (!pending_.empty()) {
    const IoResult written = transport_->try_write(pending_.span());
    if (written.io == Io::failed) return false;
    if (written.io == Io::would_block) return true;
    pending_.consume(written.bytes);
  }
  buffers_.release(pending_);
  if (shut_) transport_->shutdown();
  return true;
}

void TlsStream::fail() {
  state_ = State::failed;
  // An alert that tells the peer why may be pending.
  if (transport_ != nullptr) part();
}

void TlsStream::part() {
  transport_->set_owner(nullptr);
  if (flush() && !pending_.empty()) {
    closing_.add(std::move(transport_), std::move(pending_));
    pending_ = Buffer{};
  } else {
    transport_->close();
    transport_.reset();
  }
}

// ---- the port
// ------------------------------------------------------------------------------------

IoResult TlsStream::try_read(std::span<char> into) {
  if (state_ != State::open) {
    return {state_ == State::failed ? Io::failed : Io::would_block, 0};
  }
  if (into.empty()) return {Io::would_block, 0};
  std::size_t bytes = 0;
  const int result = SSL_read_ex(ssl_, into.data(), into.size(), &bytes);
  const Io io = result == 1 ? Io::done : explain(result);
  if (io == Io::failed) {
    fail();
  } else if (!flush()) {
    // What was decrypted is still good; the next call finds the transport dead.
    if (io != Io::done) fail();
  }
  return {io == Io::done || state_ == State::open ? io : Io::failed, bytes};
}

IoResult TlsStream::try_write(std::span<const char> from) {
  if (state_ == State::failed || shut_) return {Io::failed, 0};
  if (state_ == State::handshake || from.empty()) return {Io::would_block, 0};
  if (!flush()) return {Io::failed, 0};
  if (!pending_.empty()) return {Io::would_block, 0};
  std::size_t bytes = 0;
  const int result = SSL_write_ex(ssl_, from.data(), std::min(from.size(), kMaxWrite), &bytes);
  if (result != 1) {
    const Io io = explain(result);
    if (io != Io::would_block) fail();
    return {io == Io::would_block ? io : Io::failed, 0};
  }
  if (!flush()) return {Io::failed, 0};
  return {Io::done, bytes};
}

void TlsStream::wake() {
  if (transport_ != nullptr) transport_->wake();
}

void TlsStream::shutdown() {
  if (state_ != State::open || shut_) return;
  SSL_shutdown(ssl_);
  ERR_clear_error();
  shut_ = true;
  if (pending_.empty()) {
    transport_->shutdown();
  } else {
    static_cast<void>(flush());
  }
}

void TlsStream::abort() {
  state_ = State::failed;
  if (transport_ == nullptr) return;
  transport_->abort();
  transport_.reset();
}

void TlsStream::close() {
  if (transport_ == nullptr) return;
  if (state_ == State::open && !shut_) {
    SSL_shutdown(ssl_);
    ERR_clear_error();
  }
  state_ = State::failed;
  part();
}

}  // namespace evenkeel::net
