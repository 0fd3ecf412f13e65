#include "cq/experiments/cli.h"

int main(int argc, char** argv) {
  return cq::run_command_line(argc, argv);
}
