"""MessagePack: values by the packer, arrays as extension types whose bytes go to the sink as they lie in memory."""
