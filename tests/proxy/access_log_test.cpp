// SPDX-License-Identifier: Apache-2.0
//
// Lines of the access log, read back by a JSON parser that is not ours.
#include "evenkeel/proxy/access_log.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "evenkeel/proxy/json_text.h"
#include "evenkeel/proxy/log_file.h"

namespace evenkeel::proxy {
namespace {

namespace json = boost::json;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// What a parser makes of escaped bytes: bytes outside of ASCII come back as U+0080 to U+00FF.
std::string as_utf8(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      text += c;
    } else {
      text += static_cast<char>(0xc0U | (byte >> 6U));
      text += static_cast<char>(0x80U | (byte & 0x3fU));
    }
  }
  return text;
}

RC_GTEST_PROP(JsonTextTest, AnyBytesBecomeAValidStringAndComeBack, (const std::string& bytes)) {
  const std::string quoted = json_quoted(bytes);
  for (const char c : quoted) RC_ASSERT(c >= 0x20 && c < 0x7f);
  const json::value value = json::parse(quoted);
  RC_ASSERT(std::string(value.as_string()) == as_utf8(bytes));
}

TEST(JsonTextTest, EveryByteIsEscapedAsItShould) {
  std::string bytes;
  for (int c = 0; c < 256; ++c) bytes += static_cast<char>(c);
  EXPECT_EQ(std::string(json::parse(json_quoted(bytes)).as_string()), as_utf8(bytes));
  EXPECT_EQ(json_quoted("a\"b\\c\nd"), R"("a\"b\\c\u000ad")");
}

core::Config config_of(const std::string& name) {
  core::Config config;
  config.listeners.emplace_back().name = name;
  core::PoolPolicy pool;
  pool.name = "main";
  pool.backends.resize(2);
  pool.backends[1].id = "b1";
  config.pools.push_back(pool);
  config.routes.emplace_back().name = "all";
  return config;
}

net::RequestEnd plain_end() {
  net::RequestEnd end;
  end.record.number = 7;
  end.record.method = core::Method::get;
  end.record.arrived = core::Instant(seconds(100));
  end.record.answered = core::Instant(seconds(100) + microseconds(1500));
  end.record.status = 200;
  end.record.attempts = 1;
  end.record.backend = core::BackendIndex(1);
  end.ended = core::Instant(seconds(100) + microseconds(2345));
  end.client = "10.0.0.1";
  end.method = "GET";
  end.target = "/x";
  end.host = "shop";
  end.request_id = "abc";
  end.bytes_in = 1;
  end.bytes_out = 23;
  return end;
}

constexpr core::Duration kWall = seconds(1'893'456'000) + milliseconds(7);  // 2030-01-01

// Lines written to a pipe, read back.
class AccessLogTest : public ::testing::Test {
 protected:
  AccessLogTest() {
    EXPECT_EQ(::pipe(pipe_), 0);
    file = std::make_unique<LogFile>(pipe_[1]);
  }
  ~AccessLogTest() override {
    file.reset();
    ::close(pipe_[0]);
  }
  std::string read_all() {
    file.reset();
    std::string text;
    char buffer[4096];
    for (ssize_t n; (n = ::read(pipe_[0], buffer, sizeof buffer)) > 0;) {
      text.append(buffer, static_cast<std::size_t>(n));
    }
    return text;
  }
  std::string line_of(const net::RequestEnd& end) {
    AccessLog log(config_of("web"), file.get());
    log.write(end, kWall);
    log.flush();
    return read_all();
  }

  int pipe_[2] = {-1, -1};
  std::unique_ptr<LogFile> file;
};

TEST_F(AccessLogTest, ALineSaysWhatHappened) {
  EXPECT_EQ(line_of(plain_end()),
            R"({"time":"2030-01-01T00:00:00.007Z","level":"info","event":"request",)"
            R"("request_id":"abc","client_ip":"10.0.0.1","listener":"web","method":"GET",)"
            R"("host":"shop","path":"/x","route":"all","pool":"main","backend":"b1","status":200,)"
            R"("bytes_in":1,"bytes_out":23,"duration_ms":2.345,"upstream_ms":1.500,"attempts":1,)"
            R"("hedged":false,"flags":[],"decision_seq":7})"
            "\n");
}

TEST_F(AccessLogTest, ARejectedRequestHasItsCauseAndNoUpstream) {
  net::RequestEnd end = plain_end();
  end.record.answered = core::kNever;
  end.record.backend.reset();
  end.record.status = 503;
  end.record.rejection = core::RejectCause::no_healthy_backend;
  end.record.failure = core::AttemptFailure::connect_refused;
  end.record.flags = core::Flag::rejected | core::Flag::budget_exhausted | core::Flag::hedged;
  const json::object line = json::parse(line_of(end)).as_object();
  EXPECT_FALSE(line.contains("backend"));
  EXPECT_FALSE(line.contains("upstream_ms"));
  EXPECT_EQ(line.at("hedged"), true);
  EXPECT_EQ(line.at("flags"), (json::array{"no_healthy_backend", "retry_budget_exhausted"}));
  EXPECT_EQ(line.at("error"), "connect_refused");
}

TEST_F(AccessLogTest, AWaitAndWhatLedElsewhereAreTold) {
  net::RequestEnd end = plain_end();
  end.record.queued = microseconds(12'500);
  end.record.flags = core::Flag::queued | core::Flag::panic | core::Flag::sticky;
  EXPECT_NE(line_of(end).find(R"("queue_ms":12.500,"attempts":1,"hedged":false,)"
                              R"("flags":["panic","sticky"])"),
            std::string::npos);
}

TEST_F(AccessLogTest, LongTextsAreCut) {
  net::RequestEnd end = plain_end();
  const std::string target = "/" + std::string(100'000, '"');
  end.target = target;
  const json::object line = json::parse(line_of(end)).as_object();
  EXPECT_EQ(line.at("path").as_string().size(), AccessLog::kMaxText);
}

RC_GTEST_FIXTURE_PROP(AccessLogTest, AnyTextsMakeOneValidLine, ()) {
  const auto texts =
      *rc::gen::container<std::vector<std::string>>(5, rc::gen::arbitrary<std::string>());
  net::RequestEnd end = plain_end();
  end.client = texts[0];
  end.method = texts[1];
  end.target = texts[2];
  end.host = texts[3];
  end.request_id = texts[4];
  const std::string line = line_of(end);
  RC_ASSERT(std::count(line.begin(), line.end(), '\n') == 1);
  const json::object fields = json::parse(line).as_object();
  RC_ASSERT(std::string(fields.at("path").as_string()) == as_utf8(texts[2]));
  RC_ASSERT(std::string(fields.at("request_id").as_string()) == as_utf8(texts[4]));
}

TEST_F(AccessLogTest, LinesBeyondABlockAreAllWritten) {
  AccessLog log(config_of("web"), file.get());
  std::string text;
  std::thread reader([&] {
    char buffer[65536];
    for (ssize_t n; (n = ::read(pipe_[0], buffer, sizeof buffer)) > 0;) {
      text.append(buffer, static_cast<std::size_t>(n));
    }
  });
  constexpr int kLines = 2000;  // about half a megabyte
  for (int i = 0; i < kLines; ++i) {
    log.write(plain_end(), kWall);
    if (i % 100 == 99) {
      log.flush();
      file->wait_until_written();
    }
  }
  file.reset();
  reader.join();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), kLines);
  EXPECT_EQ(log.dropped(), 0U);
}

// Nobody reads the pipe: it fills up, then the blocks do, then lines are dropped and counted.
TEST_F(AccessLogTest, ABlockedFileDropsLinesAndCountsThem) {
  AccessLog log(config_of("web"), file.get());
  std::uint64_t written = 0;
  for (; log.dropped() == 0; ++written) {
    ASSERT_LT(written, 1'000'000U) << "not bounded";
    log.write(plain_end(), kWall);
  }
  EXPECT_LT(written * 300, 2 * LogFile::kBlocks * LogFile::kBlockSize);
}

TEST_F(AccessLogTest, WithoutAFileNothingIsWritten) {
  AccessLog log(config_of("web"), nullptr);
  log.write(plain_end(), kWall);
  log.flush();
  EXPECT_EQ(log.dropped(), 0U);
}

TEST(LogFileTest, AFileThatCannotBeOpenedIsNamed) {
  const auto file = LogFile::open("/nonexistent/folder/access.log");
  ASSERT_FALSE(file.has_value());
  EXPECT_NE(file.error().find("/nonexistent/folder/access.log: No such file"), std::string::npos);
}

}  // namespace
}  // namespace evenkeel::proxy
