//go:build !js

package openai

import "net/http"

// apiError is an error as OpenAI's API words it. Param names the field of the request that is at fault.
type apiError struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`

	status int
}

func (e *apiError) Error() string { return e.Message }

// wrong is a request that cannot be served, for what its field holds.
func wrong(field, message string) *apiError {
	e := &apiError{Message: message, Type: "invalid_request_error", status: http.StatusBadRequest}
	if field != "" {
		e.Param, e.Message = &field, field+": "+message
	}
	return e
}

// failure is any other error; code may be empty.
func failure(status int, kind, code, message string) *apiError {
	e := &apiError{Message: message, Type: kind, status: status}
	if code != "" {
		e.Code = &code
	}
	return e
}

func (e *apiError) withCode(code string) *apiError {
	e.Code = &code
	return e
}

// gone is the error of a request whose client has hung up: there is nobody to tell.
var gone = &apiError{Message: "the client has gone"}

// write sends the error as the whole answer.
func (e *apiError) write(w http.ResponseWriter) {
	send(w, e.status, map[string]*apiError{"error": e})
}
