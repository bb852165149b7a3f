// Zeroing the locals of every call costs as much as copying a row, and scratch on the stack is always written before it is read.
[module: System.Runtime.CompilerServices.SkipLocalsInit]
