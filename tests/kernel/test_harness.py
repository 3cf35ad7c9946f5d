"""The kernel harness itself, on plain cells."""

from __future__ import annotations

from tests.kernel.kernels import Kernel


def test_a_cell_prints_and_displays_as_a_front_end_shows_it(shared_kernel: Kernel) -> None:
    run = shared_kernel.run(
        "from IPython.display import Markdown, display\n"
        "print('one'); h = display(Markdown('*two*'), display_id=True); h.update(Markdown('*three*'))"
    )
    assert run.status == "ok"
    assert run.text == "one\n"
    assert run.markdown == "*three*"
    assert run.types() == ["stream", "display_data", "update_display_data"]


def test_a_cell_knows_its_id_and_whether_somebody_is_there(shared_kernel: Kernel) -> None:
    code = (
        "request = get_ipython().kernel.get_parent(); "
        "print(request['metadata'].get('cellId'), request['content']['allow_stdin'])"
    )
    assert shared_kernel.run(code, cell_id="abc", allow_stdin=True).text == "abc True\n"
    assert shared_kernel.run(code).text == "None False\n"


def test_an_interrupt_ends_a_cell(shared_kernel: Kernel) -> None:
    run = shared_kernel.start("import threading; print('begun', flush=True); threading.Event().wait(600)")
    run.until(lambda r: "begun" in r.text)
    shared_kernel.interrupt()
    assert run.finish(timeout=10).errors[0]["ename"] == "KeyboardInterrupt"
