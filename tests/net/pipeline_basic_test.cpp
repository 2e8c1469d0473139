// SPDX-License-Identifier: Apache-2.0
#include "pipeline_fixture.h"

namespace evenkeel::net::testing {
namespace {

class PipelineBasic : public PipelineTest {};
INSTANTIATE_PIPELINE(PipelineBasic);

TEST_P(PipelineBasic, GetIsAnsweredByItsOrigin) {
  Peer& client = client_sends(get("/x?y=1"));
  ASSERT_EQ(world().accepted(), 1U);
  EXPECT_THAT(origin().received,
              AllOf(StartsWith("GET /x?y=1 HTTP/1.1\r\n"), EndsWith("\r\n\r\n")));
  origin().send(ok("hi"));
  run();
  EXPECT_THAT(client.received, AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), EndsWith("\r\n\r\nhi")));
  ASSERT_EQ(world().ended.size(), 1U);
  EXPECT_EQ(world().ended[0].record.status, 200);
  EXPECT_EQ(world().ended[0].bytes_out, 2U);
}

}  // namespace
}  // namespace evenkeel::net::testing
