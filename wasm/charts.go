//go:build js

package main

func drawCharts() { post("up", nil); select {} }
