// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "evenkeel/core/ids.h"
#include "evenkeel/core/time.h"
#include "evenkeel/net/buffer.h"

// The port between the connection state machines and the two worlds they live in: sockets, and the
// simulator's virtual network. Nothing here names a socket, a reactor or a clock.
namespace evenkeel::net {

enum class Io : std::uint8_t {
  done,         // `bytes` were moved, at least one
  would_block,  // nothing moved; on_ready() follows when trying again makes sense
  end,          // reading only: the peer finished sending, everything it sent was read
  failed,       // reset, unreachable, or a violated protocol below us; the stream is dead
};

struct IoResult {
  Io io = Io::would_block;
  std::size_t bytes = 0;  // not 0 exactly when io is done
};

struct RelayResult {
  std::uint64_t moved = 0;    // bytes taken from the source
  Io read = Io::would_block;  // how reading stopped; done when the limit or the turn was reached
  Io write = Io::done;        // would_block: the tail is not empty; failed: the target is dead
};

// Told when its stream may make progress. Readiness is a hint and edge-triggered: after it, go on
// until would_block. It never arrives from inside a call on a stream, so nobody is re-entered.
class StreamOwner {
 public:
  virtual void on_ready(core::Instant now) = 0;

 protected:
  ~StreamOwner() = default;
};

// A non-blocking connected (or connecting) byte stream in both directions.
//
// Until a connect has succeeded, reads and writes answer would_block; when it fails they answer
// failed. Destroying a stream aborts it, as abort() does.
class Stream {
 public:
  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  virtual ~Stream() = default;

  // Who hears of readiness. The owner must outlive the stream or be replaced. nullptr: nobody.
  void set_owner(StreamOwner* owner) { owner_ = owner; }

  [[nodiscard]] virtual IoResult try_read(std::span<char> into) = 0;
  // May take fewer bytes than offered; the rest is the caller's to keep.
  [[nodiscard]] virtual IoResult try_write(std::span<const char> from) = 0;
  // Moves up to `limit` bytes of payload that nobody needs to look at from this stream to another.
  // What the target does not take at once is left in `tail`, which must be empty before the call;
  // `scratch` bounds it. The default copies through `scratch`; a driver that knows better may
  // override it.
  [[nodiscard]] virtual RelayResult relay(Stream& to, std::uint64_t limit, std::span<char> scratch,
                                          Buffer& tail, BufferPool& buffers);
  // Asks for on_ready() once more although nothing new happened: for work that yields its turn.
  virtual void wake() = 0;
  // Says that nothing more will be written. Reading goes on.
  virtual void shutdown() = 0;
  // Drops the connection at once; a peer that is still sending or waiting sees a reset. Afterwards
  // every call answers failed.
  virtual void abort() = 0;
  // Closes in good order: what was written is still delivered, then the peer sees the end.
  // Afterwards every call answers failed.
  virtual void close() = 0;

  // Not yet connected. Turns false before on_ready() reports the connect, or its failure.
  [[nodiscard]] virtual bool connecting() const = 0;

 protected:
  [[nodiscard]] StreamOwner* owner() const { return owner_; }

 private:
  StreamOwner* owner_ = nullptr;
};

// What a state machine asks of its world beyond the streams it has.
class Host {
 public:
  // Begins to connect. nullptr when the attempt cannot even begin for a local reason (descriptors,
  // ports, memory). The endpoint was resolved when the pool was built: `pool` and `backend` name
  // it.
  [[nodiscard]] virtual std::unique_ptr<Stream> connect(core::BackendRef backend) = 0;
  // Wall-clock seconds since 1970, for Date and logs only.
  [[nodiscard]] virtual std::int64_t wall_seconds() = 0;
  // 128 unpredictable bits for the names of requests and sessions and for secrets, from the
  // operating system (or the simulator's seed).
  virtual void entropy(std::span<unsigned char, 16> into) = 0;

 protected:
  ~Host() = default;
};

}  // namespace evenkeel::net
