/* clgrad: train neural networks on any vendor's GPU or CPU through OpenCL. Includes all public headers. */
#ifndef CLGRAD_CLGRAD_H
#define CLGRAD_CLGRAD_H

#include <clgrad/status.h>
#include <clgrad/memory.h>
#include <clgrad/device.h>
#include <clgrad/tensor.h>
#include <clgrad/graph.h>
#include <clgrad/ops.h>
#include <clgrad/spatial.h>
#include <clgrad/loss.h>
#include <clgrad/nn.h>
#include <clgrad/transformer.h>
#include <clgrad/optim.h>
#include <clgrad/data.h>
#include <clgrad/io.h>
#include <clgrad/train.h>
#include <clgrad/opencl.h>

#endif
