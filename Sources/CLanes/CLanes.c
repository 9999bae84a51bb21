// SwiftPM needs one translation unit; everything is in the header.
#include "CLanes.h"
