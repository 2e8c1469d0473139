// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "evenkeel/core/shared_value.h"
