/** Where the page begins: shows itself in `#page`, and looks who is signed in. */
import { render } from 'preact';
import { App } from './app.js';
import './styles/base.css';
import './styles/controls.css';
import './styles/layout.css';
import './styles/list.css';
import './styles/messages.css';
import './styles/answer.css';
import './styles/settings.css';

render(<App />, document.getElementById('page')!);
