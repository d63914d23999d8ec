package host

import "errors"

// timeDispatch is not for browsers: they blur their timestamps.
func (b *backend) timeDispatch(dispatchList, int) (float64, error) {
	return 0, errors.ErrUnsupported
}
